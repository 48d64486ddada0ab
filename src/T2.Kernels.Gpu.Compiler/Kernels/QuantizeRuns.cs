using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// The part every quantiser shares: a block of 128 threads reads 128 runs of 16 or 32 consecutive values into shared memory, coalesced, and
/// leaves run t to thread t. Rows of the shared tile are one longer than a run, so that 32 threads reading the same place of their runs hit 32 banks.
/// </summary>
internal static class QuantizeRuns
{
    /// <param name="source">Rows of fp32.</param>
    /// <param name="stride">Values from row to row.</param>
    /// <param name="runsPerRow">Runs of a row; run r of the matrix is run r mod runsPerRow of row r / runsPerRow.</param>
    /// <param name="runs">Runs of the matrix.</param>
    /// <param name="tile">128 · (run + 1) values of shared memory.</param>
    /// <param name="run">Values per run, a power of two.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(ArrayView<float> source, int stride, int runsPerRow, int runs, ArrayView<float> tile, int run)
    {
        var first = Grid.IdxX * KernelShape.QuantizeThreads;
        for (var i = Group.IdxX; i < KernelShape.QuantizeThreads * run; i += KernelShape.QuantizeThreads)
        {
            var local = (int)((uint)i / (uint)run);
            var index = first + local;
            if (index < runs)
            {
                var row = (int)((uint)index / (uint)runsPerRow);
                tile[(local * (run + 1)) + (i & (run - 1))] = source[(row * stride) + ((index - (row * runsPerRow)) * run) + (i & (run - 1))];
            }
        }
        Group.Barrier();
    }
}
