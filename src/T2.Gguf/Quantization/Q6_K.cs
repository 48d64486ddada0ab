using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Q6_K: 256 values in 210 bytes, 16 sub-blocks of 16. value[16s + i] = d · scale[s] · (q − 32).
/// <list type="bullet">
/// <item>0: 128 bytes; byte 64h + j, j &lt; 64, holds the low four bits of q[128h + j] in its low and of q[128h + 64 + j] in its high four bits</item>
/// <item>128: 64 bytes; byte 32h + j holds bits 4 and 5 of q[128h + j], q[128h + 32 + j], q[128h + 64 + j], q[128h + 96 + j], lowest bits first</item>
/// <item>192: 16 signed bytes scale</item>
/// <item>208: d, half</item>
/// </list>
/// Stored with <see cref="ScaleSearch"/>; then codes are assigned anew from the scales as stored.
/// </summary>
internal static unsafe class Q6_K
{
    private const int Bytes = 210;
    private const int SubBlockLength = 16;
    private const int SubBlockCount = 16;
    private const int HighBitsOffset = 128;
    private const int ScalesOffset = 192;
    private const int ScaleOffset = 208;
    private const int Half = 32;

    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SubBlocks.SuperBlockLength)
        {
            var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source + ScaleOffset));
            for (var s = 0; s < SubBlockCount; s++)
            {
                var low = Vector128.Load(source + 64 * (s / 8) + 16 * (s % 4)) >>> (s % 8 < 4 ? 0 : 4);
                var high = Vector128.Load(source + HighBitsOffset + 32 * (s / 8) + 16 * (s % 2)) >>> (2 * (s % 8 / 2));
                var codes = (low & Vector128.Create((byte)15)) | ((high & Vector128.Create((byte)3)) << 4);
                Codes.Expand(codes, Half, d * (sbyte)source[ScalesOffset + s], destination + s * SubBlockLength);
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
                ScaleSearch.Run(lanes, SubBlockLength, Half, searched + group, scales + group / SubBlockLength);
            }
            if (!StoreScales(scales, destination))
            {
                new Span<byte>(destination, Bytes).Clear();
                continue;
            }
            AssignCodes(source, searched, destination, codes);
            StoreCodes(codes, destination);
        }
    }

    /// <returns>False if the super-block is negligible.</returns>
    private static bool StoreScales(float* scales, byte* destination)
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
        if (largest < SubBlocks.Negligible)
            return false;
        var inverse = -128 / extreme;
        for (var s = 0; s < SubBlockCount; s++)
            destination[ScalesOffset + s] = (byte)Math.Min(127, Codes.Nearest(inverse * scales[s]));
        Unsafe.WriteUnaligned(destination + ScaleOffset, HalfBits.FromSingle(1 / inverse));
        return true;
    }

    private static void AssignCodes(float* x, int* searched, byte* stored, byte* codes)
    {
        var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(stored + ScaleOffset));
        for (var s = 0; s < SubBlockCount; s++)
        {
            var start = s * SubBlockLength;
            var scale = d * (sbyte)stored[ScalesOffset + s];
            if (scale == 0)
                SubBlocks.CopyLane(searched + start / 128 * 128, s % SubBlocks.Lanes, SubBlockLength, codes + start);
            else
                Codes.Assign(x + start, SubBlockLength, scale, 0, -Half, Half - 1, codes + start);
        }
    }

    private static void StoreCodes(byte* codes, byte* destination)
    {
        var mask = Vector256.Create((byte)15);
        for (var h = 0; h < 2; h++, codes += 128)
        {
            var a = Vector256.Load(codes);
            var b = Vector256.Load(codes + 32);
            var c = Vector256.Load(codes + 64);
            var d = Vector256.Load(codes + 96);
            ((a & mask) | (c << 4)).Store(destination + 64 * h);
            ((b & mask) | (d << 4)).Store(destination + 64 * h + 32);
            ((a >>> 4) | ((b >>> 4) << 2) | ((c >>> 4) << 4) | ((d >>> 4) << 6)).Store(destination + HighBitsOffset + 32 * h);
        }
    }
}
