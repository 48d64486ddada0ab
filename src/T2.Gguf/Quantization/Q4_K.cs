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

    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        var mask = Vector128.Create((byte)15);
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SubBlocks.SuperBlockLength)
        {
            for (var s = 0; s < SixBitScales.SubBlockCount; s++)
            {
                SixBitScales.Load(source, s, out var scale, out var min);
                var packed = source + SixBitScales.Bytes + 32 * (s / 2);
                var shift = 4 * (s % 2);
                Codes.Expand((Vector128.Load(packed) >>> shift) & mask, scale, -min, destination + s * SixBitScales.SubBlockLength);
                Codes.Expand((Vector128.Load(packed + 16) >>> shift) & mask, scale, -min, destination + s * SixBitScales.SubBlockLength + 16);
            }
        }
    }

    [SkipLocalsInit]
    public static void Quantize(float* source, byte* destination, int blocks)
    {
        var codes = stackalloc byte[SubBlocks.SuperBlockLength];
        for (var block = 0; block < blocks; block++, source += SubBlocks.SuperBlockLength, destination += Bytes)
        {
            SixBitScales.Quantize(source, MaxCode, firstShift: -1, trials: 21, destination, codes);
            for (var k = 0; k < 4; k++)
                (Vector256.Load(codes + 64 * k) | (Vector256.Load(codes + 64 * k + 32) << 4)).Store(destination + SixBitScales.Bytes + 32 * k);
        }
    }
}
