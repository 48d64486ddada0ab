using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>A type of 32-value blocks, which one thread quantises alone.</summary>
internal interface ISimpleFormat : IBlockFormat
{
    /// <summary>Quantises values[first .. first + 32) as ggml's <c>quantize_row_*_ref</c> does, operation by operation, to the block at byte <paramref name="block"/>.</summary>
    static abstract void Write(ArrayView<float> values, int first, ArrayView<byte> destination, int block);
}

/// <summary>d · q, d = largest magnitude / 127; codes round to nearest, halves away from zero.</summary>
internal readonly struct Q8_0 : ISimpleFormat
{
    public static int Length => 32;

    public static int Bytes => 34;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<byte> source, int block, int index) => Bits.HalfAt(source, block) * Bits.Signed(source[block + 2 + index]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ArrayView<float> values, int first, ArrayView<byte> destination, int block)
    {
        var largest = 0f;
        for (var i = 0; i < 32; i++)
        {
            var magnitude = Bits.Abs(values[first + i]);
            largest = magnitude > largest ? magnitude : largest;
        }
        var d = largest / 127f;
        var inverse = d != 0 ? 1f / d : 0f;
        Bits.StoreHalf(destination, block, Bits.FloatToHalf(d));
        for (var i = 0; i < 32; i++)
        {
            var scaled = values[first + i] * inverse;
            // The largest float below one half: a full half would carry 0.49999997 up to 1.
            var code = scaled < 0 ? -(int)(0.49999997f - scaled) : (int)(scaled + 0.49999997f);
            destination[block + 2 + i] = (byte)(code & 255);
        }
    }
}

/// <summary>d · (q − 8), d = extreme / −8: the value of largest magnitude gets code 0.</summary>
internal readonly struct Q4_0 : ISimpleFormat
{
    public static int Length => 32;

    public static int Bytes => 18;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<byte> source, int block, int index)
    {
        var code = (source[block + 2 + (index & 15)] >> ((index >> 4) << 2)) & 15;
        return Bits.HalfAt(source, block) * (code - 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ArrayView<float> values, int first, ArrayView<byte> destination, int block)
    {
        var largest = 0f;
        var extreme = 0f;
        for (var i = 0; i < 32; i++)
        {
            var value = values[first + i];
            var magnitude = Bits.Abs(value);
            if (largest < magnitude)
            {
                largest = magnitude;
                extreme = value;
            }
        }
        var d = extreme / -8f;
        var inverse = d != 0 ? 1f / d : 0f;
        Bits.StoreHalf(destination, block, Bits.FloatToHalf(d));
        for (var i = 0; i < 16; i++)
        {
            // Both sums lie in [0.5, 16.5], so truncation is the floor.
            var low = Bits.Clamp((int)(values[first + i] * inverse + 8.5f), 0, 15);
            var high = Bits.Clamp((int)(values[first + i + 16] * inverse + 8.5f), 0, 15);
            destination[block + 2 + i] = (byte)((low | (high << 4)) & 255);
        }
    }
}
