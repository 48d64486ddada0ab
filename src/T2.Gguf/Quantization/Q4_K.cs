using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Q4_K: 256 values in 144 bytes, 8 sub-blocks of 32. value[32s + i] = d · scale[s] · q − dmin · min[s].
/// <list type="bullet">
/// <item>0: d, dmin, scales and minimums, 16 bytes: <see cref="SixBitScales"/></item>
/// <item>16: 128 bytes; byte 32k + j holds q[64k + j] in its low and q[64k + 32 + j] in its high four bits</item>
/// </list>
/// Stored with <see cref="ScaleMinSearch"/>, squared errors weighted by |x| plus the root mean square; then codes are assigned anew from the scales as stored.
/// </summary>
internal static unsafe class Q4_K
{
    private const int Bytes = 144;
    private const int MaxCode = 15;

    [SkipLocalsInit]
    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        var scales = stackalloc float[SixBitScales.SubBlockCount];
        var mins = stackalloc float[SixBitScales.SubBlockCount];
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SubBlocks.SuperBlockLength)
        {
            SixBitScales.Load(source, scales, mins);
            for (var part = 0; part < 8; part++)
            {
                var s = part & ~1;
                var to = destination + s * SixBitScales.SubBlockLength + part % 2 * 16;
                var (low, high) = BitPacking.UnpackNibbles(source + SixBitScales.Bytes + 16 * part);
                Codes.Expand(low, scales[s], -mins[s], to);
                Codes.Expand(high, scales[s + 1], -mins[s + 1], to + SixBitScales.SubBlockLength);
            }
        }
    }

    [SkipLocalsInit]
    public static void Quantize(float* source, byte* destination, int blocks)
    {
        var codes = stackalloc byte[2 * SubBlocks.SuperBlockLength];
        for (var block = 0; block < blocks; block += 2)
        {
            var pair = Math.Min(2, blocks - block);
            SixBitScales.Quantize(source + (long)block * SubBlocks.SuperBlockLength, pair, MaxCode, firstShift: -1, trials: 21, destination, Bytes, codes);
            for (var b = 0; b < pair; b++, destination += Bytes)
                StoreCodes(codes + b * SubBlocks.SuperBlockLength, destination + SixBitScales.Bytes);
        }
    }

    private static void StoreCodes(byte* codes, byte* destination)
    {
        for (var k = 0; k < 4; k++, codes += 64, destination += 32)
            (Vector256.Load(codes) | (Vector256.Load(codes + 32) << 4)).Store(destination);
    }
}
