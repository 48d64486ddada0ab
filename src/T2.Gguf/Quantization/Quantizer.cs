namespace T2.Gguf.Quantization;

/// <summary>
/// Converts tensor data between ggml's storage types and single-precision floats. Both directions give the bits that ggml's portable C code gives:
/// <c>ggml_quantize_chunk</c> without an importance matrix, and the type's <c>to_float</c>.
/// </summary>
/// <remarks>
/// <para>Supported: F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K (<see cref="TensorTypeInfo.CanRebuild"/>).</para>
/// <para>Nothing is kept between calls and nothing is allocated: any number of threads may work on different rows at once.</para>
/// <para>Values that are not finite never throw. F32, F16 and BF16 keep infinities and turn NaNs into NaNs. A block format has no code for either: the block
/// (32 values, 256 for the K types) that holds one gets codes and scales without meaning, and may dequantise to NaN; the blocks around it are untouched.</para>
/// </remarks>
public static unsafe class Quantizer
{
    /// <summary>Whether <see cref="Quantize"/> and <see cref="Dequantize"/> support <paramref name="type"/>.</summary>
    public static bool CanQuantize(TensorType type) => TensorTypes.TryGetInfo(type, out var info) && info.CanRebuild;

    /// <summary>Writes the values that <paramref name="source"/> stands for.</summary>
    /// <param name="type">Type of the data in <paramref name="source"/>.</param>
    /// <param name="source">Whole blocks of <paramref name="type"/>. No alignment is needed.</param>
    /// <param name="destination">Receives the values: exactly as many as <paramref name="source"/> holds.</param>
    /// <exception cref="ArgumentException">The type is not supported, <paramref name="source"/> is not whole blocks, or <paramref name="destination"/> has another length.</exception>
    public static void Dequantize(TensorType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        var info = Supported(type);
        if (source.Length % info.BlockBytes != 0)
            throw new ArgumentException($"{source.Length} bytes are not a whole number of {info.Name} blocks of {info.BlockBytes} bytes.", nameof(source));
        var blocks = source.Length / info.BlockBytes;
        if (destination.Length != (long)blocks * info.BlockLength)
        {
            throw new ArgumentException(
                $"{source.Length} bytes of {info.Name} hold {(long)blocks * info.BlockLength} values, but the destination has room for {destination.Length}.", nameof(destination));
        }

        fixed (byte* from = source)
        fixed (float* to = destination)
        {
            switch (type)
            {
                case TensorType.F16: F16.Dequantize((ushort*)from, to, blocks); break;
                case TensorType.BF16: BF16.Dequantize((ushort*)from, to, blocks); break;
                case TensorType.Q4_0: Q4_0.Dequantize(from, to, blocks); break;
                case TensorType.Q4_1: Q4_1.Dequantize(from, to, blocks); break;
                case TensorType.Q5_0: Q5_0.Dequantize(from, to, blocks); break;
                case TensorType.Q5_1: Q5_1.Dequantize(from, to, blocks); break;
                case TensorType.Q8_0: Q8_0.Dequantize(from, to, blocks); break;
                case TensorType.Q2_K: Q2_K.Dequantize(from, to, blocks); break;
                case TensorType.Q3_K: Q3_K.Dequantize(from, to, blocks); break;
                case TensorType.Q4_K: Q4_K.Dequantize(from, to, blocks); break;
                case TensorType.Q5_K: Q5_K.Dequantize(from, to, blocks); break;
                case TensorType.Q6_K: Q6_K.Dequantize(from, to, blocks); break;
                default: source.CopyTo(new Span<byte>(to, source.Length)); break; // F32
            }
        }
    }

    /// <summary>Stores rows of floats as <paramref name="type"/>.</summary>
    /// <param name="type">Type to store as.</param>
    /// <param name="source">Whole rows.</param>
    /// <param name="destination">Receives the data: exactly the bytes that <see cref="TensorTypeInfo.BytesFor"/> gives for <paramref name="source"/>. No alignment is needed.</param>
    /// <param name="rowLength">Values per row, a whole number of blocks of <paramref name="type"/>.</param>
    /// <exception cref="ArgumentException">The type is not supported, or a length does not fit it.</exception>
    public static void Quantize(TensorType type, ReadOnlySpan<float> source, Span<byte> destination, int rowLength)
    {
        var info = Supported(type);
        if (rowLength <= 0 || rowLength % info.BlockLength != 0)
            throw new ArgumentException($"A row of {rowLength} values is not a whole, positive number of {info.Name} blocks of {info.BlockLength}.", nameof(rowLength));
        if (source.Length % rowLength != 0)
            throw new ArgumentException($"{source.Length} values to store as {info.Name} are not a whole number of rows of {rowLength}.", nameof(source));
        var blocks = source.Length / info.BlockLength;
        if (destination.Length != (long)blocks * info.BlockBytes)
        {
            throw new ArgumentException(
                $"{source.Length} values take {(long)blocks * info.BlockBytes} bytes as {info.Name}, but the destination has {destination.Length}.", nameof(destination));
        }

        fixed (float* from = source)
        fixed (byte* to = destination)
        {
            switch (type)
            {
                case TensorType.F16: F16.Quantize(from, (ushort*)to, blocks); break;
                case TensorType.BF16: BF16.Quantize(from, (ushort*)to, blocks); break;
                case TensorType.Q4_0: Q4_0.Quantize(from, to, blocks); break;
                case TensorType.Q4_1: Q4_1.Quantize(from, to, blocks); break;
                case TensorType.Q5_0: Q5_0.Quantize(from, to, blocks); break;
                case TensorType.Q5_1: Q5_1.Quantize(from, to, blocks); break;
                case TensorType.Q8_0: Q8_0.Quantize(from, to, blocks); break;
                case TensorType.Q2_K: Q2_K.Quantize(from, to, blocks); break;
                case TensorType.Q3_K: Q3_K.Quantize(from, to, blocks); break;
                case TensorType.Q4_K: Q4_K.Quantize(from, to, blocks); break;
                case TensorType.Q5_K: Q5_K.Quantize(from, to, blocks); break;
                case TensorType.Q6_K: Q6_K.Quantize(from, to, blocks); break;
                default: new ReadOnlySpan<byte>(from, destination.Length).CopyTo(destination); break; // F32
            }
        }
    }

    private static TensorTypeInfo Supported(TensorType type)
    {
        if (!TensorTypes.TryGetInfo(type, out var info))
            throw new ArgumentException($"Tensor type {(uint)type} is unknown.", nameof(type));
        if (!info.CanRebuild)
        {
            throw new ArgumentException(
                $"{info.Name} (blocks of {info.BlockLength} values in {info.BlockBytes} bytes) cannot be dequantised or quantised: T2 does not support the type.", nameof(type));
        }
        return info;
    }
}
