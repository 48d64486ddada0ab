using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>A type of 256-value super-blocks: 8 sub-blocks of 32 with 6-bit scales and minimums, value = d · scale[s] · q − dmin · min[s].</summary>
internal interface IScaleMinFormat : IBlockFormat
{
    /// <summary>Largest code.</summary>
    static abstract int MaxCode { get; }

    /// <summary>Shift of the first trial of the search for a scale, in codes.</summary>
    static abstract float FirstShift { get; }

    /// <summary>Number of trials, each 0.1 codes further.</summary>
    static abstract int Trials { get; }

    /// <summary>Writes one byte column of the codes: <paramref name="column"/> of 32 across the 8 sub-blocks; codes[32·s + column] is sub-block s's.</summary>
    static abstract void WriteCodes(ArrayView<byte> codes, int first, int column, ArrayView<byte> destination, int block);
}

/// <summary>Layout shared by Q4_K and Q5_K: d, dmin, 12 bytes of 6-bit scales and minimums.</summary>
internal static class SixBitScales
{
    /// <summary>Scale of sub-block <paramref name="s"/> as stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Scale(ArrayView<byte> source, int block, int s) => s < 4
        ? source[block + 4 + s] & 63
        : (source[block + 8 + s] & 15) | ((source[block + s] >> 6) << 4);

    /// <summary>Minimum of sub-block <paramref name="s"/> as stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Min(ArrayView<byte> source, int block, int s) => s < 4
        ? source[block + 8 + s] & 63
        : (source[block + 8 + s] >> 4) | ((source[block + 4 + s] >> 6) << 4);
}

/// <summary>4-bit codes; byte 32k + j of the codes holds sub-block 2k's in its low, sub-block 2k + 1's in its high half.</summary>
internal readonly struct Q4_K : IScaleMinFormat
{
    public static int Length => 256;

    public static int Bytes => 144;

    public static int MaxCode => 15;

    public static float FirstShift => -1f;

    public static int Trials => 21;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<byte> source, int block, int index)
    {
        var s = index >> 5;
        var code = (source[block + 16 + ((s >> 1) << 5) + (index & 31)] >> ((s & 1) << 2)) & 15;
        var scale = Bits.HalfAt(source, block) * SixBitScales.Scale(source, block, s);
        var min = Bits.HalfAt(source, block + 2) * SixBitScales.Min(source, block, s);
        return scale * code - min;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteCodes(ArrayView<byte> codes, int first, int column, ArrayView<byte> destination, int block)
    {
        for (var k = 0; k < 4; k++)
        {
            var low = codes[first + (k << 6) + column];
            var high = codes[first + (k << 6) + 32 + column];
            destination[block + 16 + (k << 5) + column] = (byte)((low | (high << 4)) & 255);
        }
    }
}

/// <summary>5-bit codes: the low four as Q4_K's, the fifth of sub-block s in bit s of 32 bytes before them.</summary>
internal readonly struct Q5_K : IScaleMinFormat
{
    public static int Length => 256;

    public static int Bytes => 176;

    public static int MaxCode => 31;

    public static float FirstShift => -0.5f;

    public static int Trials => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<byte> source, int block, int index)
    {
        var s = index >> 5;
        var low = (source[block + 48 + ((s >> 1) << 5) + (index & 31)] >> ((s & 1) << 2)) & 15;
        var code = low + (((source[block + 16 + (index & 31)] >> s) & 1) << 4);
        var scale = Bits.HalfAt(source, block) * SixBitScales.Scale(source, block, s);
        var min = Bits.HalfAt(source, block + 2) * SixBitScales.Min(source, block, s);
        return scale * code - min;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteCodes(ArrayView<byte> codes, int first, int column, ArrayView<byte> destination, int block)
    {
        var upper = 0;
        for (var k = 0; k < 4; k++)
        {
            int low = codes[first + (k << 6) + column];
            int high = codes[first + (k << 6) + 32 + column];
            upper |= ((low >> 4) << (2 * k)) | ((high >> 4) << ((2 * k) + 1));
            destination[block + 48 + (k << 5) + column] = (byte)((low & 15) | ((high & 15) << 4));
        }
        destination[block + 16 + column] = (byte)(upper & 255);
    }
}

/// <summary>6-bit codes in 16 sub-blocks of 16 with 8-bit scales: value = d · scale[s] · (q − 32).</summary>
internal readonly struct Q6_K : IBlockFormat
{
    public static int Length => 256;

    public static int Bytes => 210;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<byte> source, int block, int index)
    {
        var half = index >> 7;
        var quarter = (index >> 5) & 3;
        var column = index & 31;
        var low = (source[block + (half << 6) + ((quarter & 1) << 5) + column] >> ((quarter >> 1) << 2)) & 15;
        var high = (source[block + 128 + (half << 5) + column] >> (quarter << 1)) & 3;
        var scale = Bits.Signed(source[block + 192 + (index >> 4)]);
        return Bits.HalfAt(source, block + 208) * scale * ((low | (high << 4)) - 32);
    }
}
