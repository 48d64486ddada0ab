using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// Stores fp32 rows as a type of 32-value blocks (Q8_0, Q4_0), bit for bit as ggml's reference: a thread works through its block in the order of the C
/// code, and the generated PTX rounds every operation (no multiply is fused with an add).
/// <para>Grid: ⌈blocks / 128⌉; 128 threads; 16.5 KB of shared memory.</para>
/// </summary>
internal static class QuantizeSimple
{
    public static void Run<TFormat>(ArrayView<float> source, int sourceStride, ArrayView<byte> destination, int destinationStride, int destinationFirst, int rows, int columns)
        where TFormat : struct, ISimpleFormat
    {
        var tile = SharedMemory.Allocate<float>(KernelShape.QuantizeThreads * (KernelShape.QuantizeRun + 1));
        var runsPerRow = columns >> 5;
        var runs = rows * runsPerRow;
        QuantizeRuns.Load(source, sourceStride, runsPerRow, runs, tile, KernelShape.QuantizeRun);
        var index = (Grid.IdxX * KernelShape.QuantizeThreads) + Group.IdxX;
        if (index >= runs)
            return;
        var row = (int)((uint)index / (uint)runsPerRow);
        var block = (row * destinationStride) + destinationFirst + ((index - (row * runsPerRow)) * TFormat.Bytes);
        TFormat.Write(tile, Group.IdxX * (KernelShape.QuantizeRun + 1), destination, block);
    }
}
