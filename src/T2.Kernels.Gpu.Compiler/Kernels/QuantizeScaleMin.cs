using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// Stores fp32 rows as Q4_K or Q5_K, bit for bit as ggml's reference. A thread searches the line of its sub-block of 32, the eight threads of a super-block
/// agree on the largest scale and minimum, each then assigns its codes from the scale and minimum as stored. Every operation is rounded (no fused
/// multiply-add in the generated PTX).
/// <para>Grid: ⌈sub-blocks / 128⌉; 128 threads = 16 super-blocks; 22 KB of shared memory. Bound by the search, ≈ 25 passes over the values.</para>
/// </summary>
internal static class QuantizeScaleMin
{
    public static void Run<TFormat>(ArrayView<float> source, int sourceStride, ArrayView<byte> destination, int destinationStride, int destinationFirst, int rows, int columns)
        where TFormat : struct, IScaleMinFormat
    {
        var tile = SharedMemory.Allocate<float>(KernelShape.QuantizeThreads * (KernelShape.QuantizeRun + 1));
        var codes = SharedMemory.Allocate<byte>(KernelShape.QuantizeThreads * KernelShape.QuantizeRun);
        var scales = SharedMemory.Allocate<float>(KernelShape.QuantizeThreads);
        var mins = SharedMemory.Allocate<float>(KernelShape.QuantizeThreads);
        var packed = SharedMemory.Allocate<int>(KernelShape.QuantizeThreads);

        var runsPerRow = columns >> 5;
        var runs = rows * runsPerRow;
        QuantizeRuns.Load(source, sourceStride, runsPerRow, runs, tile, KernelShape.QuantizeRun);

        var thread = Group.IdxX;
        var index = (Grid.IdxX * KernelShape.QuantizeThreads) + thread;
        var values = thread * (KernelShape.QuantizeRun + 1);
        var s = thread & 7;
        var superBlock = thread - s;
        var isActive = index < runs;

        var line = default(ScaleMin);
        if (isActive)
            line = ScaleMinSearch.Run<TFormat>(tile, values);
        scales[thread] = line.Scale;
        mins[thread] = -line.Min;
        Group.Barrier();

        float maxScale = 0f, maxMin = 0f;
        for (var i = 0; i < 8; i++)
        {
            var scale = scales[superBlock + i];
            var min = mins[superBlock + i];
            maxScale = scale > maxScale ? scale : maxScale;
            maxMin = min > maxMin ? min : maxMin;
        }
        var inverseScale = maxScale > 0 ? 63f / maxScale : 0f;
        var inverseMin = maxMin > 0 ? 63f / maxMin : 0f;
        // The C code passes both through a byte before it takes the smaller.
        var storedScale = Bits.Clamp(Bits.Nearest(inverseScale * line.Scale) & 255, 0, 63);
        var storedMin = Bits.Clamp(Bits.Nearest(inverseMin * -line.Min) & 255, 0, 63);
        packed[thread] = storedScale | (storedMin << 8);
        var halfD = Bits.FloatToHalf(maxScale / 63f);
        var halfMin = Bits.FloatToHalf(maxMin / 63f);

        var d = Bits.HalfToFloat(halfD) * storedScale;
        var dm = Bits.HalfToFloat(halfMin) * storedMin;
        for (var i = 0; i < 32; i++)
        {
            var x = tile[values + i];
            var code = d != 0
                ? Bits.Clamp(Bits.Nearest((x + dm) / d), 0, TFormat.MaxCode)
                : ScaleMinSearch.Code<TFormat>(x, line.CodeScale, line.CodeMin);
            codes[(thread << 5) + i] = (byte)(code & 255);
        }
        Group.Barrier();
        if (!isActive)
            return;

        var row = (int)((uint)index / (uint)runsPerRow);
        var block = (row * destinationStride) + destinationFirst + (((index - (row * runsPerRow)) >> 3) * TFormat.Bytes);
        if (s < 4)
        {
            var low = packed[superBlock + s];
            var high = packed[superBlock + s + 4];
            destination[block + 4 + s] = (byte)(((low & 63) | (((high >> 4) & 3) << 6)) & 255);
            destination[block + 8 + s] = (byte)((((low >> 8) & 63) | (((high >> 12) & 3) << 6)) & 255);
            destination[block + 12 + s] = (byte)(((high & 15) | (((high >> 8) & 15) << 4)) & 255);
        }
        if (s == 0)
            Bits.StoreHalf(destination, block, halfD);
        if (s == 1)
            Bits.StoreHalf(destination, block + 2, halfMin);
        for (var column = s; column < 32; column += 8)
            TFormat.WriteCodes(codes, superBlock << 5, column, destination, block);
    }
}
