using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace T2.Gguf.Quantization;

/// <summary>
/// The K formats cut 256 values (a super-block) into 8 or 16 sub-blocks, and search a scale for each. The searches are chains of dependent scalar steps whose
/// order decides the rounding, so they cannot run along a sub-block; they run across sixteen sub-blocks, one per lane. For that, values are transposed:
/// value i of sub-block s lies at i · 16 + s. Where there are no 512-bit vectors a lane set is two shorter ones, which also keeps two chains in flight.
/// </summary>
internal static unsafe class SubBlocks
{
    public const int SuperBlockLength = 256;
    public const int Lanes = 16;

    /// <summary>Magnitudes below this count as an empty sub-block.</summary>
    public const float Negligible = 1e-15f;

    /// <summary>Transposes <paramref name="count"/> consecutive sub-blocks of <paramref name="length"/> values, both multiples of 4; lanes beyond them become zero.</summary>
    public static void Transpose(float* x, int length, int count, float* lanes)
    {
        if (count < Lanes)
            new Span<float>(lanes, length * Lanes).Clear();
        for (var s = 0; s < count; s += 4)
        {
            for (var i = 0; i < length; i += 4)
                Transpose4x4(x + s * length + i, length, lanes + i * Lanes + s);
        }
    }

    /// <summary>
    /// Codes of one sub-block from the scale and offset that its super-block stores. A scale that is stored as zero says nothing about the codes:
    /// those of the search remain.
    /// </summary>
    public static void Assign(float* x, int length, float scale, float offset, int low, int high, int* searched, int lane, byte* codes)
    {
        if (scale != 0)
        {
            Codes.Assign(x, length, scale, offset, low, high, codes);
            return;
        }
        for (var i = 0; i < length; i++)
            codes[i] = (byte)searched[i * Lanes + lane];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4x4(float* x, int stride, float* lanes)
    {
        if (!Sse.IsSupported)
        {
            for (var i = 0; i < 16; i++)
                lanes[i / 4 * Lanes + i % 4] = x[i % 4 * stride + i / 4];
            return;
        }
        var a = Vector128.Load(x);
        var b = Vector128.Load(x + stride);
        var c = Vector128.Load(x + 2 * stride);
        var d = Vector128.Load(x + 3 * stride);
        var lowAB = Sse.UnpackLow(a, b);
        var lowCD = Sse.UnpackLow(c, d);
        var highAB = Sse.UnpackHigh(a, b);
        var highCD = Sse.UnpackHigh(c, d);
        Sse.MoveLowToHigh(lowAB, lowCD).Store(lanes);
        Sse.MoveHighToLow(lowCD, lowAB).Store(lanes + Lanes);
        Sse.MoveLowToHigh(highAB, highCD).Store(lanes + 2 * Lanes);
        Sse.MoveHighToLow(highCD, highAB).Store(lanes + 3 * Lanes);
    }
}
