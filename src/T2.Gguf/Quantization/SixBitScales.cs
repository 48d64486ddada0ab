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

    /// <summary>The factors of sub-block <paramref name="s"/> in value = scale · code − min.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* header, int s, out float scale, out float min)
    {
        var packed = header + ScalesOffset;
        int scaleCode, minCode;
        if (s < 4)
        {
            scaleCode = packed[s] & 63;
            minCode = packed[s + 4] & 63;
        }
        else
        {
            scaleCode = (packed[s + 4] & 15) | ((packed[s - 4] >> 6) << 4);
            minCode = (packed[s + 4] >> 4) | ((packed[s] >> 6) << 4);
        }
        scale = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(header)) * scaleCode;
        min = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(header + 2)) * minCode;
    }

    /// <summary>Searches scales and minimums of one super-block, writes its header and assigns its 256 codes from what the header holds.</summary>
    [SkipLocalsInit]
    public static void Quantize(float* x, int maxCode, float firstShift, int trials, byte* header, byte* codes)
    {
        var lanes = stackalloc float[SubBlocks.SuperBlockLength];
        var weights = stackalloc float[SubBlocks.SuperBlockLength];
        var searched = stackalloc int[SubBlocks.SuperBlockLength];
        var scales = stackalloc float[SubBlockCount];
        var mins = stackalloc float[SubBlockCount];
        SubBlocks.Transpose(x, SubBlockLength, lanes);
        Weigh(lanes, weights);
        ScaleMinSearch.Run<SquaredError>(lanes, weights, SubBlockLength, maxCode, firstShift, trials, searched, scales, mins);
        Store(scales, mins, header);
        for (var s = 0; s < SubBlockCount; s++)
        {
            Load(header, s, out var scale, out var min);
            var start = s * SubBlockLength;
            if (scale == 0)
                SubBlocks.CopyLane(searched, s, SubBlockLength, codes + start);
            else
                Codes.Assign(x + start, SubBlockLength, scale, min, 0, maxCode, codes + start);
        }
    }

    /// <summary>Weights |x| plus the sub-block's root mean square.</summary>
    private static void Weigh(float* lanes, float* weights)
    {
        var sum = Vector256<float>.Zero;
        for (var i = 0; i < SubBlocks.SuperBlockLength; i += SubBlocks.Lanes)
        {
            var value = Vector256.Load(lanes + i);
            sum += value * value;
        }
        var rootMeanSquare = Vector256.Sqrt(sum / SubBlockLength);
        for (var i = 0; i < SubBlocks.SuperBlockLength; i += SubBlocks.Lanes)
            (rootMeanSquare + Vector256.Abs(Vector256.Load(lanes + i))).Store(weights + i);
    }

    private static void Store(float* scales, float* mins, byte* header)
    {
        float largestScale = 0, largestMin = 0;
        for (var s = 0; s < SubBlockCount; s++)
        {
            largestScale = scales[s] > largestScale ? scales[s] : largestScale;
            largestMin = mins[s] > largestMin ? mins[s] : largestMin;
        }
        var inverseScale = largestScale > 0 ? MaxScale / largestScale : 0;
        var inverseMin = largestMin > 0 ? MaxScale / largestMin : 0;
        var packed = header + ScalesOffset;
        for (var s = 0; s < SubBlockCount; s++)
        {
            var scale = Math.Min(MaxScale, (int)(byte)Codes.Nearest(inverseScale * scales[s]));
            var min = Math.Min(MaxScale, (int)(byte)Codes.Nearest(inverseMin * mins[s]));
            if (s < 4)
            {
                packed[s] = (byte)scale;
                packed[s + 4] = (byte)min;
            }
            else
            {
                packed[s + 4] = (byte)((scale & 15) | ((min & 15) << 4));
                packed[s - 4] |= (byte)((scale >> 4) << 6);
                packed[s] |= (byte)((min >> 4) << 6);
            }
        }
        Unsafe.WriteUnaligned(header, HalfBits.FromSingle(largestScale / MaxScale));
        Unsafe.WriteUnaligned(header + 2, HalfBits.FromSingle(largestMin / MaxScale));
    }
}
