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
    private const ulong LowNibbles = 0x0F0F_0F0F_0F0F_0F0F;

    [SkipLocalsInit]
    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        var scales = stackalloc float[SubBlockCount];
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SubBlocks.SuperBlockLength)
        {
            LoadScales(source, scales);
            for (var side = 0; side < 2; side++)
            {
                var high = Vector128.Load(source + 16 * side);
                for (var h = 0; h < 2; h++)
                {
                    // 16 bytes hold four sub-blocks, two apart.
                    var low = Vector128.Load(source + LowBitsOffset + 32 * h + 16 * side);
                    var first = 8 * h + side;
                    for (var s = first; s < first + 8; s += 2, low >>>= 2, high >>>= 1)
                    {
                        var codes = (low & Vector128.Create((byte)3)) | ((high & Vector128<byte>.One) << 2);
                        Codes.Expand(codes, Half, scales[s], destination + s * SubBlockLength);
                    }
                }
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
            ScaleDescent.Run(lanes, SubBlockLength, Half, searched, scales);
            StoreScales(scales, destination);
            LoadScales(destination, scales);
            for (var s = 0; s < SubBlockCount; s++)
                SubBlocks.Assign(source + s * SubBlockLength, SubBlockLength, scales[s], 0, -Half, Half - 1, searched, s, codes + s * SubBlockLength);
            StoreCodes(codes, destination);
        }
    }

    private static void LoadScales(byte* source, float* scales)
    {
        var low = Unsafe.ReadUnaligned<ulong>(source + ScalesOffset);
        var high = Unsafe.ReadUnaligned<uint>(source + ScalesOffset + 8);
        var codes = Vector128.Create(low & LowNibbles, (low >> 4) & LowNibbles).AsUInt32()
            | ((Vector128.Create(high, high >> 2, high >> 4, high >> 6) & Vector128.Create(0x0303_0303u)) << 4);
        Codes.Expand(codes.AsByte(), HalfScale, HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source + ScaleOffset)), scales);
    }

    private static void StoreScales(float* scales, byte* destination)
    {
        var all = Vector512.Load(scales);
        var extreme = LaneReductions.Extreme(all);
        var inverse = -HalfScale / extreme;
        var codes = extreme != 0
            ? Codes.Pack(Codes.Nearest(inverse * all, -HalfScale, HalfScale - 1) + Vector512.Create(HalfScale))
            : Vector128<byte>.Zero;
        var halves = codes.AsUInt64() & Vector128.Create(LowNibbles);
        var quarters = (codes >>> 4).AsUInt32();
        Unsafe.WriteUnaligned(destination + ScalesOffset, halves[0] | (halves[1] << 4));
        Unsafe.WriteUnaligned(destination + ScalesOffset + 8, quarters[0] | (quarters[1] << 2) | (quarters[2] << 4) | (quarters[3] << 6));
        Unsafe.WriteUnaligned(destination + ScaleOffset, HalfBits.FromSingle(extreme != 0 ? 1 / inverse : 0));
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
