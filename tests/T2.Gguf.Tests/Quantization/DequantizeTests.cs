using System.Runtime.InteropServices;
using T2.Gguf.Quantization;

namespace T2.Gguf.Tests.Quantization;

public class DequantizeTests
{
    [SkippableTheory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void Values_equal_those_of_ggml_bit_for_bit(TensorType type)
    {
        GgmlOracle.Require();
        foreach (var kind in TestData.Kinds)
        {
            var bytes = GgmlOracle.Quantize(type, TestData.Make(kind, 1536, 1, 0.05f), 768);
            Check.SameValues(GgmlOracle.Dequantize(type, bytes), Dequantize(type, bytes), type, kind);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void Arbitrary_bytes_mean_what_they_mean_to_ggml(TensorType type)
    {
        GgmlOracle.Require();
        for (var seed = 0; seed < 40; seed++)
        {
            var bytes = TestData.Bytes(31 * TensorTypes.Info(type).BlockBytes, seed);
            Check.SameValues(GgmlOracle.Dequantize(type, bytes), Dequantize(type, bytes), type, $"seed {seed}");
        }
    }

    [SkippableTheory]
    [InlineData(TensorType.F16)]
    [InlineData(TensorType.BF16)]
    public void Every_half_widens_as_in_ggml(TensorType type)
    {
        GgmlOracle.Require();
        var halves = Enumerable.Range(0, 65536).Select(static half => (ushort)half).ToArray();
        var bytes = MemoryMarshal.AsBytes<ushort>(halves).ToArray();
        var expected = GgmlOracle.Dequantize(type, bytes);
        Check.SameValues(expected, Dequantize(type, bytes), type, "vectors");
        var single = new float[1];
        for (var i = 0; i < 65536; i++) // one value at a time takes the other path through the code
        {
            Quantizer.Dequantize(type, bytes.AsSpan(2 * i, 2), single);
            Check.SameValues([expected[i]], single, type, $"{i:X4}");
        }
    }

    [Theory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void The_source_may_lie_at_any_address_and_the_destinations_surroundings_stay(TensorType type)
    {
        const int Blocks = 31;
        const float Sentinel = 12345;
        var info = TensorTypes.Info(type);
        var count = Blocks * info.BlockLength;
        var bytes = new byte[Blocks * info.BlockBytes];
        Quantizer.Quantize(type, TestData.Make("normal", count, 2), bytes, count);
        byte[] shifted = [0, .. bytes];
        var buffer = new float[count + 20];
        Array.Fill(buffer, Sentinel);
        Quantizer.Dequantize(type, shifted.AsSpan(1), buffer.AsSpan(10, count));
        Check.SameValues(Dequantize(type, bytes), buffer[10..^10], type, "shifted");
        Assert.All(buffer[..10].Concat(buffer[^10..]), static value => Assert.Equal(Sentinel, value));
    }

    private static float[] Dequantize(TensorType type, byte[] bytes)
    {
        var info = TensorTypes.Info(type);
        var values = new float[bytes.Length / info.BlockBytes * info.BlockLength];
        Quantizer.Dequantize(type, bytes, values);
        return values;
    }
}
