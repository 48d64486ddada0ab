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

    [SkipLocalsInit]
    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        var highMask = Vector128.Create((byte)0x30);
        var scales = stackalloc float[SubBlockCount];
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SubBlocks.SuperBlockLength)
        {
            LoadScales(source, scales);
            for (var part = 0; part < 4; part++)
            {
                // Four sub-blocks, two apart.
                var s = part / 2 * 8 + part % 2;
                var to = destination + s * SubBlockLength;
                var (first, third) = BitPacking.UnpackNibbles(source + part / 2 * 64 + part % 2 * 16);
                var (second, fourth) = BitPacking.UnpackNibbles(source + part / 2 * 64 + part % 2 * 16 + 32);
                var high = Vector128.Load(source + HighBitsOffset + part * 16);
                Codes.Expand(first | ((high << 4) & highMask), Half, scales[s], to);
                Codes.Expand(second | ((high << 2) & highMask), Half, scales[s + 2], to + 32);
                Codes.Expand(third | (high & highMask), Half, scales[s + 4], to + 64);
                Codes.Expand(fourth | ((high >>> 2) & highMask), Half, scales[s + 6], to + 96);
            }
        }
    }

    [SkipLocalsInit]
    public static void Quantize(float* source, byte* destination, int blocks)
    {
        var lanes = stackalloc float[SubBlocks.SuperBlockLength];
        var searched = stackalloc int[SubBlocks.SuperBlockLength];
        var scales = stackalloc float[SubBlockCount];
        var codes = stackalloc byte[SubBlocks.SuperBlockLength];
        for (var block = 0; block < blocks; block++, source += SubBlocks.SuperBlockLength, destination += Bytes)
        {
            SubBlocks.Transpose(source, SubBlockLength, SubBlockCount, lanes);
            ScaleSearch.Run(lanes, SubBlockLength, Half, searched, scales);
            var extreme = LaneReductions.Extreme(Vector512.Load(scales));
            if (MathF.Abs(extreme) < SubBlocks.Negligible)
            {
                new Span<byte>(destination, Bytes).Clear();
                continue;
            }
            StoreScales(scales, extreme, destination);
            LoadScales(destination, scales);
            for (var s = 0; s < SubBlockCount; s++)
                SubBlocks.Assign(source + s * SubBlockLength, SubBlockLength, scales[s], 0, -Half, Half - 1, searched, s, codes + s * SubBlockLength);
            StoreCodes(codes, destination);
        }
    }

    private static void LoadScales(byte* source, float* scales)
    {
        // Flipping the sign bit makes the signed byte the unsigned byte + 128.
        var codes = Vector128.Load(source + ScalesOffset) ^ Vector128.Create((byte)0x80);
        Codes.Expand(codes, 128, HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source + ScaleOffset)), scales);
    }

    private static void StoreScales(float* scales, float extreme, byte* destination)
    {
        var inverse = -128 / extreme;
        Codes.Pack(Codes.Nearest(inverse * Vector512.Load(scales), int.MinValue, 127)).Store(destination + ScalesOffset);
        Unsafe.WriteUnaligned(destination + ScaleOffset, HalfBits.FromSingle(1 / inverse));
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
