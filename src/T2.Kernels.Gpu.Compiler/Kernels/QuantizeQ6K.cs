using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// Stores fp32 rows as Q6_K, bit for bit as ggml's reference: a thread searches the scale of its sub-block of 16 (<c>make_qx_quants</c> with squared values
/// as weights), the sixteen threads of a super-block agree on the scale of largest magnitude, each assigns its codes from its scale as stored.
/// <para>Grid: ⌈sub-blocks / 128⌉; 128 threads = 8 super-blocks; 11.8 KB of shared memory.</para>
/// </summary>
internal static class QuantizeQ6K
{
    private const int Run16 = 16;
    private const float SmallestMagnitude = 1e-15f;

    public static void Run(ArrayView<float> source, int sourceStride, ArrayView<byte> destination, int destinationStride, int destinationFirst, int rows, int columns)
    {
        var tile = SharedMemory.Allocate<float>(KernelShape.QuantizeThreads * (Run16 + 1));
        var codes = SharedMemory.Allocate<byte>(KernelShape.QuantizeThreads * Run16);
        var scales = SharedMemory.Allocate<float>(KernelShape.QuantizeThreads);

        var runsPerRow = columns >> 4;
        var runs = rows * runsPerRow;
        QuantizeRuns.Load(source, sourceStride, runsPerRow, runs, tile, Run16);

        var thread = Group.IdxX;
        var index = (Grid.IdxX * KernelShape.QuantizeThreads) + thread;
        var values = thread * (Run16 + 1);
        var s = thread & 15;
        var superBlock = thread - s;
        var isActive = index < runs;

        var codeScale = 0f;
        var scale = isActive ? Search(tile, values, out codeScale) : 0f;
        scales[thread] = scale;
        Group.Barrier();

        float largest = 0f, extreme = 0f;
        for (var i = 0; i < 16; i++)
        {
            var magnitude = Bits.Abs(scales[superBlock + i]);
            if (magnitude > largest)
            {
                largest = magnitude;
                extreme = scales[superBlock + i];
            }
        }
        var isZero = largest < SmallestMagnitude;
        var inverse = isZero ? 0f : -128f / extreme;
        var halfD = isZero ? 0u : Bits.FloatToHalf(1f / inverse);
        var nearest = Bits.Nearest(inverse * scale);
        var storedScale = nearest > 127 ? 127 : nearest;
        var d = Bits.HalfToFloat(halfD) * storedScale;
        for (var i = 0; i < Run16; i++)
        {
            var x = tile[values + i];
            var code = (d != 0 ? Bits.Clamp(Bits.Nearest(x / d), -32, 31) : Bits.Clamp(Bits.Nearest(codeScale * x), -32, 31)) + 32;
            // A sub-block of zeros keeps the C code's code 0, not the middle one; an all-zero super-block is all zero bytes.
            code = isZero || (d == 0 && codeScale == 0) ? 0 : code;
            codes[(thread << 4) + i] = (byte)(code & 255);
        }
        Group.Barrier();
        if (!isActive)
            return;

        var row = (int)((uint)index / (uint)runsPerRow);
        var block = (row * destinationStride) + destinationFirst + (((index - (row * runsPerRow)) >> 4) * 210);
        destination[block + 192 + s] = (byte)((isZero ? 0 : storedScale) & 255);
        if (s == 0)
            Bits.StoreHalf(destination, block + 208, halfD);
        for (var column = s; column < 64; column += 16)
            WriteCodes(codes, superBlock << 4, column, destination, block);
    }

    /// <summary>Writes the three bytes that hold the codes of <paramref name="column"/> (of 32) of a half (column / 32) of the super-block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteCodes(ArrayView<byte> codes, int first, int column, ArrayView<byte> destination, int block)
    {
        var half = column >> 5;
        var l = column & 31;
        var from = first + (half << 7) + l;
        int q1 = codes[from], q2 = codes[from + 32], q3 = codes[from + 64], q4 = codes[from + 96];
        destination[block + (half << 6) + l] = (byte)((q1 & 15) | ((q3 & 15) << 4));
        destination[block + (half << 6) + 32 + l] = (byte)((q2 & 15) | ((q4 & 15) << 4));
        destination[block + 128 + (half << 5) + l] = (byte)(((q1 >> 4) | ((q2 >> 4) << 2) | ((q3 >> 4) << 4) | ((q4 >> 4) << 6)) & 255);
    }

    /// <summary>Scale of 16 values, and the inverse scale that assigned the codes (0: all codes 0).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Search(ArrayView<float> values, int first, out float codeScale)
    {
        float extreme = 0f, largest = 0f;
        for (var i = 0; i < Run16; i++)
        {
            var magnitude = Bits.Abs(values[first + i]);
            if (magnitude > largest)
            {
                largest = magnitude;
                extreme = values[first + i];
            }
        }
        codeScale = 0f;
        if (largest < SmallestMagnitude)
            return 0f;

        var inverse = -32f / extreme;
        Sums(values, first, inverse, out var sumXL, out var sumL2);
        var scale = sumL2 != 0 ? sumXL / sumL2 : 0f;
        var best = scale * sumXL;
        codeScale = inverse;
        for (var trial = -9; trial <= 9; trial++)
        {
            if (trial != 0)
            {
                inverse = -(32f + 0.1f * trial) / extreme;
                Sums(values, first, inverse, out sumXL, out sumL2);
                if (sumL2 > 0 && sumXL * sumXL > best * sumL2)
                {
                    codeScale = inverse;
                    scale = sumXL / sumL2;
                    best = scale * sumXL;
                }
            }
        }
        return scale;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Sums(ArrayView<float> values, int first, float inverse, out float sumXL, out float sumL2)
    {
        sumXL = 0f;
        sumL2 = 0f;
        for (var i = 0; i < Run16; i++)
        {
            var x = values[first + i];
            float code = Bits.Clamp(Bits.Nearest(inverse * x), -32, 31);
            var w = x * x;
            sumXL += w * x * code;
            sumL2 += w * code * code;
        }
    }
}
