using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// The first 16 bytes of a Q4_K or Q5_K super-block: d (half, 0), dmin (half, 2) and from 4 on, in 12 bytes, eight six-bit scales and eight six-bit minimums.
/// Byte j &lt; 4 of the twelve holds scale[j], byte 4 + j min[j], each with two bits to spare; byte 8 + j holds the low four bits of scale[4 + j] and, above
/// them, of min[4 + j]; the upper two bits of those go to the spare bits of bytes j and 4 + j.
/// </summary>
internal static unsafe class SixBitScales
{
    public const int Bytes = 16;
    public const int SubBlockLength = 32;
    public const int SubBlockCount = 8;
    private const int ScalesOffset = 4;
    private const int MaxScale = 63;
    private const uint LowNibbles = 0x0F0F_0F0F;
    private const uint TopPairs = 0x3030_3030; // bits 4 and 5 of each byte

    /// <summary>The eight factors of each kind in value = scale · code − min.</summary>
    public static void Load(byte* header, float* scales, float* mins)
    {
        var w0 = Unsafe.ReadUnaligned<uint>(header + ScalesOffset);
        var w1 = Unsafe.ReadUnaligned<uint>(header + ScalesOffset + 4);
        var w2 = Unsafe.ReadUnaligned<uint>(header + ScalesOffset + 8);
        var codes = Vector128.Create(
            w0 & 0x3F3F_3F3F, (w2 & LowNibbles) | ((w0 >> 2) & TopPairs),
            w1 & 0x3F3F_3F3F, ((w2 >> 4) & LowNibbles) | ((w1 >> 2) & TopPairs));
        var (scaleCodes, minCodes) = Codes.Widen(codes.AsByte());
        (Vector256.ConvertToSingle(scaleCodes) * HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(header))).Store(scales);
        (Vector256.ConvertToSingle(minCodes) * HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(header + 2))).Store(mins);
    }

    /// <summary>Searches scales and minimums of one or two super-blocks, writes their headers and assigns their codes from what the headers hold.</summary>
    [SkipLocalsInit]
    public static void Quantize(float* x, int superBlocks, int maxCode, float firstShift, int trials, byte* header, int stride, byte* codes)
    {
        const int Length = SubBlockLength * SubBlocks.Lanes;
        var lanes = stackalloc float[Length];
        var weights = stackalloc float[Length];
        var searched = stackalloc int[Length];
        var scales = stackalloc float[SubBlocks.Lanes];
        var mins = stackalloc float[SubBlocks.Lanes];
        SubBlocks.Transpose(x, SubBlockLength, superBlocks * SubBlockCount, lanes);
        Weigh(lanes, weights, Length);
        ScaleMinSearch.Run<SquaredError>(lanes, weights, SubBlockLength, maxCode, firstShift, trials, searched, scales, mins);
        for (var block = 0; block < superBlocks; block++, header += stride)
        {
            var first = block * SubBlockCount;
            Store(scales + first, mins + first, header);
            Load(header, scales + first, mins + first);
            for (var lane = first; lane < first + SubBlockCount; lane++)
            {
                var start = lane * SubBlockLength;
                SubBlocks.Assign(x + start, SubBlockLength, scales[lane], mins[lane], 0, maxCode, searched, lane, codes + start);
            }
        }
    }

    /// <summary>Weights |x| plus the sub-block's root mean square.</summary>
    private static void Weigh(float* lanes, float* weights, int length)
    {
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < length; i += SubBlocks.Lanes)
        {
            var value = Vector512.Load(lanes + i);
            sum += value * value;
        }
        var rootMeanSquare = Vector512.Sqrt(sum / SubBlockLength);
        for (var i = 0; i < length; i += SubBlocks.Lanes)
            (rootMeanSquare + Vector512.Abs(Vector512.Load(lanes + i))).Store(weights + i);
    }

    private static void Store(float* scales, float* mins, byte* header)
    {
        var both = Vector512.Create(Vector256.Load(scales), Vector256.Load(mins));
        var largestScale = LaneReductions.MaxPositive(both.GetLower());
        var largestMin = LaneReductions.MaxPositive(both.GetUpper());
        var inverse = Vector512.Create(
            Vector256.Create(largestScale > 0 ? MaxScale / largestScale : 0),
            Vector256.Create(largestMin > 0 ? MaxScale / largestMin : 0));
        var codes = Vector128.Min(Codes.Pack(Codes.Nearest(inverse * both)), Vector128.Create((byte)MaxScale)).AsUInt32();
        uint s0 = codes[0], s1 = codes[1], m0 = codes[2], m1 = codes[3];
        Unsafe.WriteUnaligned(header, HalfBits.FromSingle(largestScale / MaxScale));
        Unsafe.WriteUnaligned(header + 2, HalfBits.FromSingle(largestMin / MaxScale));
        Unsafe.WriteUnaligned(header + ScalesOffset, s0 | ((s1 & TopPairs) << 2));
        Unsafe.WriteUnaligned(header + ScalesOffset + 4, m0 | ((m1 & TopPairs) << 2));
        Unsafe.WriteUnaligned(header + ScalesOffset + 8, (s1 & LowNibbles) | ((m1 & LowNibbles) << 4));
    }
}
