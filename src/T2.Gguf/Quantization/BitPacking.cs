using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace T2.Gguf.Quantization;

/// <summary>Codes of four and five bits, one per byte, to and from the packed form of the block formats.</summary>
internal static unsafe class BitPacking
{
    /// <summary>Low four bits of codes 0..15 in the low nibbles, of codes 16..31 in the high ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> PackNibbles(Vector256<byte> codes) => (codes.GetLower() & Vector128.Create((byte)0x0F)) | (codes.GetUpper() << 4);

    /// <summary>The low and the high nibbles of 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> Low, Vector128<byte> High) UnpackNibbles(byte* packed)
    {
        var bytes = Vector128.Load(packed);
        return (bytes & Vector128.Create((byte)0x0F), bytes >>> 4);
    }

    /// <summary>Bit 4 of each code; code i gives bit i.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint PackFifthBits(Vector256<byte> codes) => (codes << 3).ExtractMostSignificantBits();

    /// <summary>Sixteen where the code's bit is set, else zero, for codes 0..15 and 16..31.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> Low, Vector128<byte> High) UnpackFifthBits(uint bits)
    {
        var bytes = Vector128.CreateScalar(bits).AsByte();
        return (
            Test(Vector128.Shuffle(bytes, Vector128.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1))),
            Test(Vector128.Shuffle(bytes, Vector128.Create((byte)2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Test(Vector128<byte> bits)
    {
        var bitOfLane = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        return Vector128.Equals(bits & bitOfLane, bitOfLane) & Vector128.Create((byte)16);
    }
}
