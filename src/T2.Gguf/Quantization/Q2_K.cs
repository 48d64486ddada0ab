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

    [SkipLocalsInit]
    public static void Dequantize(byte* source, float* destination, int blocks)
    {
        var scales = stackalloc float[SubBlockCount];
        var mins = stackalloc float[SubBlockCount];
        for (var block = 0; block < blocks; block++, source += Bytes, destination += SubBlocks.SuperBlockLength)
        {
            LoadScales(source, scales, mins);
            for (var part = 0; part < 4; part++)
            {
                // 16 bytes hold four sub-blocks, two apart.
                var packed = Vector128.Load(source + CodesOffset + 16 * part);
                var first = part / 2 * 8 + part % 2;
                for (var s = first; s < first + 8; s += 2, packed >>>= 2)
                    Codes.Expand(packed & Vector128.Create((byte)3), scales[s], -mins[s], destination + s * SubBlockLength);
            }
        }
    }

    [SkipLocalsInit]
    public static void Quantize(float* source, byte* destination, int blocks)
    {
        var lanes = stackalloc float[SubBlocks.SuperBlockLength];
        var weights = stackalloc float[SubBlocks.SuperBlockLength];
        var searched = stackalloc int[SubBlocks.SuperBlockLength];
        var scales = stackalloc float[SubBlockCount];
        var mins = stackalloc float[SubBlockCount];
        var codes = stackalloc byte[SubBlocks.SuperBlockLength];
        for (var block = 0; block < blocks; block++, source += SubBlocks.SuperBlockLength, destination += Bytes)
        {
            SubBlocks.Transpose(source, SubBlockLength, SubBlockCount, lanes);
            for (var i = 0; i < SubBlocks.SuperBlockLength; i += SubBlocks.Lanes)
                Vector512.Abs(Vector512.Load(lanes + i)).Store(weights + i);
            ScaleMinSearch.Run<AbsoluteError>(lanes, weights, SubBlockLength, MaxCode, firstShift: -0.5f, trials: 16, searched, scales, mins);
            StoreScales(scales, mins, destination);
            LoadScales(destination, scales, mins);
            for (var s = 0; s < SubBlockCount; s++)
                SubBlocks.Assign(source + s * SubBlockLength, SubBlockLength, scales[s], mins[s], 0, MaxCode, searched, s, codes + s * SubBlockLength);
            StoreCodes(codes, destination + CodesOffset);
        }
    }

    private static void LoadScales(byte* source, float* scales, float* mins)
    {
        var (scaleCodes, minCodes) = BitPacking.UnpackNibbles(source);
        Codes.Expand(scaleCodes, 0, HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source + ScaleOffset)), scales);
        Codes.Expand(minCodes, 0, HalfBits.ToSingle(Unsafe.ReadUnaligned<ushort>(source + MinOffset)), mins);
    }

    private static void StoreScales(float* scales, float* mins, byte* destination)
    {
        var allScales = Vector512.Load(scales);
        var allMins = Vector512.Load(mins);
        var largestScale = LaneReductions.MaxPositive(allScales);
        var largestMin = LaneReductions.MaxPositive(allMins);
        var scaleCodes = largestScale > 0 ? Codes.Nearest(MaxScale / largestScale * allScales) : Vector512<int>.Zero;
        var minCodes = largestMin > 0 ? Codes.Nearest(MaxScale / largestMin * allMins) : Vector512<int>.Zero;
        Codes.Pack(scaleCodes | (minCodes << 4)).Store(destination);
        Unsafe.WriteUnaligned(destination + ScaleOffset, HalfBits.FromSingle(largestScale / MaxScale));
        Unsafe.WriteUnaligned(destination + MinOffset, HalfBits.FromSingle(largestMin / MaxScale));
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
