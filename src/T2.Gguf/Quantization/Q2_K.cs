using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>
/// Q2_K: 256 values in 84 bytes, 16 sub-blocks of 16. value[16s + i] = d · scale[s] · q − dmin · min[s].
/// <list type="bullet">
/// <item>0: 16 bytes; byte s holds scale[s] in its low and min[s] in its high four bits</item>
/// <item>16: 64 bytes of two-bit codes; byte 32h + j holds q[128h + j], q[128h + 32 + j], q[128h + 64 + j], q[128h + 96 + j], lowest bits first</item>
/// <item>80: d, half</item>
/// <item>82: dmin, half</item>
/// </list>
/// Stored with <see cref="ScaleMinSearch"/>, errors weighted by |x|; then codes are assigned anew from the scales as stored.
/// </summary>
internal static unsafe class Q2_K
{
    private const int Bytes = 84;
    private const int SubBlockLength = 16;
    private const int SubBlockCount = 16;
    private const int CodesOffset = 16;
    private const int ScaleOffset = 80;
    private const int MinOffset = 82;
    private const int MaxCode = 3;
    private const int MaxScale = 15;

    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SubBlocks.SuperBlockLength)
        {
            var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source + ScaleOffset));
            var dmin = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source + MinOffset));
            for (var s = 0; s < SubBlockCount; s++)
            {
                // Sub-blocks 8h + 2k and 8h + 2k + 1 are bits 2k and 2k + 1 of the two halves of the 32 bytes at 32h.
                var packed = Vector128.Load(source + CodesOffset + 32 * (s / 8) + 16 * (s % 2));
                var codes = (packed >>> (2 * (s % 8 / 2))) & Vector128.Create((byte)3);
                Codes.Expand(codes, d * (source[s] & 15), -(dmin * (source[s] >> 4)), destination + s * SubBlockLength);
            }
        }
    }

    [SkipLocalsInit]
    public static void Quantize(float* source, byte* destination, int blocks)
    {
        const int Group = SubBlockLength * SubBlocks.Lanes;
        var lanes = stackalloc float[Group];
        var weights = stackalloc float[Group];
        var searched = stackalloc int[SubBlocks.SuperBlockLength];
        var scales = stackalloc float[SubBlockCount];
        var mins = stackalloc float[SubBlockCount];
        var codes = stackalloc byte[SubBlocks.SuperBlockLength];
        for (var block = 0; block < blocks; block++, source += SubBlocks.SuperBlockLength, destination += Bytes)
        {
            for (var group = 0; group < SubBlocks.SuperBlockLength; group += Group)
            {
                SubBlocks.Transpose(source + group, SubBlockLength, lanes);
                for (var i = 0; i < Group; i += SubBlocks.Lanes)
                    Vector256.Abs(Vector256.Load(lanes + i)).Store(weights + i);
                ScaleMinSearch.Run<AbsoluteError>(
                    lanes, weights, SubBlockLength, MaxCode, firstShift: -0.5f, trials: 16, searched + group, scales + group / SubBlockLength, mins + group / SubBlockLength);
            }
            StoreScales(scales, mins, destination);
            AssignCodes(source, searched, destination, codes);
            StoreCodes(codes, destination + CodesOffset);
        }
    }

    private static void StoreScales(float* scales, float* mins, byte* destination)
    {
        float largestScale = 0, largestMin = 0;
        for (var s = 0; s < SubBlockCount; s++)
        {
            largestScale = scales[s] > largestScale ? scales[s] : largestScale;
            largestMin = mins[s] > largestMin ? mins[s] : largestMin;
        }
        var inverseScale = MaxScale / largestScale;
        var inverseMin = MaxScale / largestMin;
        for (var s = 0; s < SubBlockCount; s++)
        {
            var scale = largestScale > 0 ? Codes.Nearest(inverseScale * scales[s]) : 0;
            var min = largestMin > 0 ? Codes.Nearest(inverseMin * mins[s]) : 0;
            destination[s] = (byte)(scale | (min << 4));
        }
        Unsafe.WriteUnaligned(destination + ScaleOffset, HalfBits.FromSingle(largestScale / MaxScale));
        Unsafe.WriteUnaligned(destination + MinOffset, HalfBits.FromSingle(largestMin / MaxScale));
    }

    private static void AssignCodes(float* x, int* searched, byte* stored, byte* codes)
    {
        var d = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(stored + ScaleOffset));
        var dmin = HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(stored + MinOffset));
        for (var s = 0; s < SubBlockCount; s++)
        {
            var start = s * SubBlockLength;
            var scale = d * (stored[s] & 15);
            if (scale == 0)
                SubBlocks.CopyLane(searched + start / 128 * 128, s % SubBlocks.Lanes, SubBlockLength, codes + start);
            else
                Codes.Assign(x + start, SubBlockLength, scale, dmin * (stored[s] >> 4), 0, MaxCode, codes + start);
        }
    }

    private static void StoreCodes(byte* codes, byte* destination)
    {
        for (var h = 0; h < 2; h++, codes += 128, destination += 32)
        {
            var packed = Vector256.Load(codes) | (Vector256.Load(codes + 32) << 2) | (Vector256.Load(codes + 64) << 4) | (Vector256.Load(codes + 96) << 6);
            packed.Store(destination);
        }
    }
}
