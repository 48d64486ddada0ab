using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// The entry points of <see cref="MmaProduct"/>. Matrices are addresses, for inline PTX wants them and ILGPU gives none; the emulated entries take views.
/// Strides of the operands in bytes, of C in values; <c>steps</c> = padded depth in bytes / 64.
/// </summary>
internal static class MmaAddProduct
{
    public static void Half(long a, int strideA, long b, int strideB, long c, int strideC, int rows, int columns, int steps)
    {
        PtxRegisters.Declare();
        MmaProduct.Run(new PtxHalf { A = a, B = b, C = c }, strideA, strideB, strideC, rows, columns, steps);
    }

    public static void BFloat(long a, int strideA, long b, int strideB, long c, int strideC, int rows, int columns, int steps)
    {
        PtxRegisters.Declare();
        MmaProduct.Run(new PtxBFloat { A = a, B = b, C = c }, strideA, strideB, strideC, rows, columns, steps);
    }

    public static void Tf32(long a, int strideA, long b, int strideB, long c, int strideC, int rows, int columns, int steps)
    {
        PtxRegisters.Declare();
        MmaProduct.Run(new PtxTf32 { A = a, B = b, C = c }, strideA, strideB, strideC, rows, columns, steps);
    }

    public static void Emulated<TFormat>(ArrayView<byte> a, int strideA, ArrayView<byte> b, int strideB, ArrayView<float> c, int strideC, int rows, int columns, int steps)
        where TFormat : struct, IFragmentFormat
    {
        var core = new EmulatedCore<TFormat>
        {
            A = a,
            B = b,
            C = c,
            Shared = SharedMemory.Allocate<byte>(2 * MmaProduct.StageBytes),
            Addresses = SharedMemory.Allocate<int>(KernelShape.Threads),
            FragmentsA = SharedMemory.Allocate<uint>(KernelShape.Threads * 16),
            FragmentsB = SharedMemory.Allocate<uint>(KernelShape.Threads * 8),
            Totals = LocalMemory.Allocate<float>(64),
        };
        for (var i = 0; i < 64; i++)
            core.Totals[i] = 0f;
        MmaProduct.Run(core, strideA, strideB, strideC, rows, columns, steps);
    }
}
