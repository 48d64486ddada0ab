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

    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        var mask = Vector128.Create((byte)15);
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SubBlocks.SuperBlockLength)
        {
            for (var s = 0; s < SixBitScales.SubBlockCount; s++)
            {
                SixBitScales.Load(source, s, out var scale, out var min);
                for (var j = 0; j < SixBitScales.SubBlockLength; j += 16)
                {
                    var low = (Vector128.Load(source + LowBitsOffset + 32 * (s / 2) + j) >>> (4 * (s % 2))) & mask;
                    var high = (Vector128.Load(source + SixBitScales.Bytes + j) >>> s) & Vector128<byte>.One;
                    Codes.Expand(low | (high << 4), scale, -min, destination + s * SixBitScales.SubBlockLength + j);
                }
            }
        }
    }

    [SkipLocalsInit]
    public static void Quantize(float* source, byte* destination, int blocks)
    {
        var mask = Vector256.Create((byte)15);
        var codes = stackalloc byte[SubBlocks.SuperBlockLength];
        for (var block = 0; block < blocks; block++, source += SubBlocks.SuperBlockLength, destination += Bytes)
        {
            SixBitScales.Quantize(source, MaxCode, firstShift: -0.5f, trials: 16, destination, codes);
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
}
