using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// X = Wᵥ: the vectors to be made orthogonal as rows of X, copied from W's rows or transposed from its columns through a 32×32 tile in shared memory, so
/// that reads and writes are both coalesced. Rows of X from <c>rank</c> on are zeroed: Jacobi blocks are whole.
/// <para>Grid: ⌈length / 32⌉ × ⌈padded rank / 32⌉; 256 threads. X has <c>length</c> values a row. Exact.</para>
/// </summary>
internal static class PackVectors
{
    private const int Side = 32;

    public static void Run(ArrayView<float> weight, ArrayView<float> x, int rank, int length, int isTransposed)
    {
        var tile = SharedMemory.Allocate<float>(Side * (Side + 1));
        var firstVector = Grid.IdxY * Side;
        var firstElement = Grid.IdxX * Side;
        var lane = Group.IdxX & 31;
        for (var i = Group.IdxX >> 5; i < Side; i += 8)
        {
            // Both ways consecutive threads read consecutive values of W.
            var vector = firstVector + (isTransposed != 0 ? lane : i);
            var element = firstElement + (isTransposed != 0 ? i : lane);
            var value = 0f;
            if (vector < rank && element < length)
                value = weight[isTransposed != 0 ? (element * rank) + vector : (vector * length) + element];
            tile[isTransposed != 0 ? (lane * (Side + 1)) + i : (i * (Side + 1)) + lane] = value;
        }
        Group.Barrier();
        for (var i = Group.IdxX >> 5; i < Side; i += 8)
        {
            if (firstElement + lane < length)
                x[((firstVector + i) * length) + firstElement + lane] = tile[(i * (Side + 1)) + lane];
        }
    }
}
