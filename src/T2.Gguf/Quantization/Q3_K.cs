using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Q3_K: 256 values in 110 bytes, 16 sub-blocks of 16. value[16s + i] = d · (scale[s] − 32) · (q − 4).
/// <list type="bullet">
/// <item>0: 32 bytes; bit k of byte j is bit 2 of q[32k + j]</item>
/// <item>32: 64 bytes; byte 32h + j holds bits 0 and 1 of q[128h + j], q[128h + 32 + j], q[128h + 64 + j], q[128h + 96 + j], lowest bits first</item>
/// <item>96: 12 bytes of six-bit scales; byte j &lt; 8 holds the low four bits of scale[j] and, above them, of scale[j + 8]; byte 8 + j holds the upper two bits of
/// scale[j], scale[4 + j], scale[8 + j], scale[12 + j], lowest bits first</item>
/// <item>108: d, half</item>
/// </list>
/// Stored with <see cref="ScaleDescent"/>; then codes are assigned anew from the scales as stored.
/// </summary>
internal static unsafe class Q3_K
{
    private const int Bytes = 110;
    private const int SubBlockLength = 16;
    private const int SubBlockCount = 16;
    private const int LowBitsOffset = 32;
    private const int ScalesOffset = 96;
    private const int ScaleOffset = 108;
    private const int Half = 4;
    private const int HalfScale = 32;

    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SubBlocks.SuperBlockLength)
        {
            var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source + ScaleOffset));
            for (var s = 0; s < SubBlockCount; s++)
            {
                var low = Vector128.Load(source + LowBitsOffset + 32 * (s / 8) + 16 * (s % 2)) >>> (2 * (s % 8 / 2));
                var high = Vector128.Load(source + 16 * (s % 2)) >>> (s / 2);
                var codes = (low & Vector128.Create((byte)3)) | ((high & Vector128<byte>.One) << 2);
                Codes.Expand(codes, Half, d * LoadScale(source + ScalesOffset, s), destination + s * SubBlockLength);
            }
        }
    }

    [SkipLocalsInit]
    public static void Quantize(float* source, byte* destination, int blocks)
    {
        const int Group = SubBlockLength * SubBlocks.Lanes;
        var lanes = stackalloc float[Group];
        var searched = stackalloc int[SubBlocks.SuperBlockLength];
        var scales = stackalloc float[SubBlockCount];
        var codes = stackalloc byte[SubBlocks.SuperBlockLength];
        for (var block = 0; block < blocks; block++, source += SubBlocks.SuperBlockLength, destination += Bytes)
        {
            for (var group = 0; group < SubBlocks.SuperBlockLength; group += Group)
            {
                SubBlocks.Transpose(source + group, SubBlockLength, lanes);
                ScaleDescent.Run(lanes, SubBlockLength, Half, searched + group, scales + group / SubBlockLength);
            }
            StoreScales(scales, destination);
            AssignCodes(source, searched, destination, codes);
            StoreCodes(codes, destination);
        }
    }

    /// <summary>scale[s] − 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LoadScale(byte* scales, int s)
    {
        var low = s < 8 ? scales[s] & 15 : scales[s - 8] >> 4;
        var high = (scales[8 + s % 4] >> (2 * (s / 4))) & 3;
        return (low | (high << 4)) - HalfScale;
    }

    private static void StoreScales(float* scales, byte* destination)
    {
        float largest = 0, extreme = 0;
        for (var s = 0; s < SubBlockCount; s++)
        {
            if (MathF.Abs(scales[s]) > largest)
            {
                largest = MathF.Abs(scales[s]);
                extreme = scales[s];
            }
        }
        var packed = destination + ScalesOffset;
        new Span<byte>(packed, 12).Clear();
        var inverse = -HalfScale / extreme;
        if (extreme != 0)
        {
            for (var s = 0; s < SubBlockCount; s++)
            {
                var scale = Math.Clamp((int)(sbyte)Codes.Nearest(inverse * scales[s]), -HalfScale, HalfScale - 1) + HalfScale;
                packed[s % 8] |= (byte)((scale & 15) << (4 * (s / 8)));
                packed[8 + s % 4] |= (byte)((scale >> 4) << (2 * (s / 4)));
            }
        }
        Unsafe.WriteUnaligned(destination + ScaleOffset, HalfBits.FromSingle(extreme != 0 ? 1 / inverse : 0));
    }

    private static void AssignCodes(float* x, int* searched, byte* stored, byte* codes)
    {
        var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(stored + ScaleOffset));
        for (var s = 0; s < SubBlockCount; s++)
        {
            var start = s * SubBlockLength;
            var scale = d * LoadScale(stored + ScalesOffset, s);
            if (scale == 0)
                SubBlocks.CopyLane(searched + start / 128 * 128, s % SubBlocks.Lanes, SubBlockLength, codes + start);
            else
                Codes.Assign(x + start, SubBlockLength, scale, 0, -Half, Half - 1, codes + start);
        }
    }

    private static void StoreCodes(byte* codes, byte* destination)
    {
        var highBits = Vector256<byte>.Zero;
        for (var k = 0; k < 8; k++)
            highBits |= (Vector256.Load(codes + 32 * k) >>> 2) << k;
        highBits.Store(destination);
        var mask = Vector256.Create((byte)3);
        for (var h = 0; h < 2; h++, codes += 128)
        {
            var packed = (Vector256.Load(codes) & mask) | ((Vector256.Load(codes + 32) & mask) << 2)
                | ((Vector256.Load(codes + 64) & mask) << 4) | ((Vector256.Load(codes + 96) & mask) << 6);
            packed.Store(destination + LowBitsOffset + 32 * h);
        }
    }
}
