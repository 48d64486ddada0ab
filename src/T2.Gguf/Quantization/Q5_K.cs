using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Q5_K: 256 values in 176 bytes, 8 sub-blocks of 32. value[32s + i] = d · scale[s] · q − dmin · min[s].
/// <list type="bullet">
/// <item>0: d, dmin, scales and minimums, 16 bytes: <see cref="SixBitScales"/></item>
/// <item>16: 32 bytes; bit s of byte j is bit 4 of q[32s + j]</item>
/// <item>48: 128 bytes; byte 32k + j holds the low four bits of q[64k + j] in its low and of q[64k + 32 + j] in its high four bits</item>
/// </list>
/// Stored with <see cref="ScaleMinSearch"/>, squared errors weighted by |x| plus the root mean square; then codes are assigned anew from the scales as stored.
/// </summary>
internal static unsafe class Q5_K
{
    private const int Bytes = 176;
    private const int LowBitsOffset = SixBitScales.Bytes + 32;
    private const int MaxCode = 31;

    [SkipLocalsInit]
    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        var fifthBit = Vector128.Create((byte)16);
        var scales = stackalloc float[SixBitScales.SubBlockCount];
        var mins = stackalloc float[SixBitScales.SubBlockCount];
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SubBlocks.SuperBlockLength)
        {
            SixBitScales.Load(source, scales, mins);
            for (var side = 0; side < 32; side += 16)
            {
                var highBits = Vector128.Load(source + SixBitScales.Bytes + side);
                for (var s = 0; s < SixBitScales.SubBlockCount; s += 2, highBits >>>= 2)
                {
                    var to = destination + s * SixBitScales.SubBlockLength + side;
                    var (low, high) = BitPacking.UnpackNibbles(source + LowBitsOffset + 16 * s + side);
                    Codes.Expand(low | ((highBits << 4) & fifthBit), scales[s], -mins[s], to);
                    Codes.Expand(high | ((highBits << 3) & fifthBit), scales[s + 1], -mins[s + 1], to + SixBitScales.SubBlockLength);
                }
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
            SixBitScales.Quantize(source + (long)block * SubBlocks.SuperBlockLength, pair, MaxCode, firstShift: -0.5f, trials: 16, destination, Bytes, codes);
            for (var b = 0; b < pair; b++, destination += Bytes)
                StoreCodes(codes + b * SubBlocks.SuperBlockLength, destination);
        }
    }

    private static void StoreCodes(byte* codes, byte* destination)
    {
        var mask = Vector256.Create((byte)15);
        var highBits = Vector256<byte>.Zero;
        for (var k = 0; k < 4; k++)
        {
            var even = Vector256.Load(codes + 64 * k);
            var odd = Vector256.Load(codes + 64 * k + 32);
            ((even & mask) | (odd << 4)).Store(destination + LowBitsOffset + 32 * k);
            highBits |= ((even >>> 4) << (2 * k)) | ((odd >>> 4) << (2 * k + 1));
        }
        highBits.Store(destination + SixBitScales.Bytes);
    }
}
