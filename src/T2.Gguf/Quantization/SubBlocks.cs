using System.Runtime.CompilerServices;

namespace T2.Gguf.Quantization;

/// <summary>
/// The K formats cut 256 values (a super-block) into 8 or 16 sub-blocks, and search a scale for each. The searches are chains of dependent scalar steps whose
/// order decides the rounding, so they cannot run along a sub-block; they run across eight sub-blocks, one per lane. For that, values are transposed:
/// value i of sub-block s lies at i · 8 + s.
/// </summary>
internal static unsafe class SubBlocks
{
    public const int SuperBlockLength = 256;
    public const int Lanes = 8;

    /// <summary>Magnitudes below this count as an empty sub-block.</summary>
    public const float Negligible = 1e-15f;

    /// <summary>Transposes eight consecutive sub-blocks of <paramref name="length"/> values.</summary>
    public static void Transpose(float* x, int length, float* lanes)
    {
        for (var i = 0; i < length; i++)
        {
            for (var s = 0; s < Lanes; s++)
                lanes[i * Lanes + s] = x[s * length + i];
        }
    }

    /// <summary>Takes the codes of sub-block <paramref name="lane"/> out of a transposed search result.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void CopyLane(int* codes, int lane, int length, byte* destination)
    {
        for (var i = 0; i < length; i++)
            destination[i] = (byte)codes[i * Lanes + lane];
    }
}
