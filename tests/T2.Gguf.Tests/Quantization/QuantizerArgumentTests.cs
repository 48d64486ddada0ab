using T2.Gguf.Quantization;

namespace T2.Gguf.Tests.Quantization;

public class QuantizerArgumentTests
{
    [Fact]
    public void The_types_that_can_be_quantised_are_those_the_table_says()
    {
        Assert.All(TensorTypes.All, static info => Assert.Equal(info.CanRebuild, Quantizer.CanQuantize(info.Type)));
        Assert.False(Quantizer.CanQuantize((TensorType)4));
        Assert.False(Quantizer.CanQuantize((TensorType)uint.MaxValue));
    }

    [Fact]
    public void A_type_that_is_not_supported_is_refused_by_name()
    {
        foreach (var info in TensorTypes.All.Where(static info => !info.CanRebuild))
        {
            var values = new float[info.BlockLength];
            var bytes = new byte[info.BlockBytes];
            var quantize = Assert.Throws<ArgumentException>("type", () => Quantizer.Quantize(info.Type, values, bytes, values.Length));
            var dequantize = Assert.Throws<ArgumentException>("type", () => Quantizer.Dequantize(info.Type, bytes, values));
            Assert.Contains(info.Name, quantize.Message, StringComparison.Ordinal);
            Assert.Contains(info.Name, dequantize.Message, StringComparison.Ordinal);
            Assert.Contains($"{info.BlockLength} values in {info.BlockBytes} bytes", quantize.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_type_that_is_not_known_is_refused_by_number()
    {
        var error = Assert.Throws<ArgumentException>("type", () => Quantizer.Quantize((TensorType)77, [1f], new byte[4], 1));
        Assert.Contains("77", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("type", () => Quantizer.Dequantize((TensorType)77, new byte[4], new float[1]));
    }

    [Theory]
    [InlineData(TensorType.Q4_0, 33)]
    [InlineData(TensorType.Q8_0, 16)]
    [InlineData(TensorType.Q4_K, 128)]
    [InlineData(TensorType.Q6_K, 300)]
    [InlineData(TensorType.F16, 0)]
    [InlineData(TensorType.F32, -1)]
    [InlineData(TensorType.Q5_1, 0)]
    public void A_row_of_broken_blocks_is_refused(TensorType type, int rowLength)
    {
        var error = Assert.Throws<ArgumentException>(nameof(rowLength), () => Quantizer.Quantize(type, new float[Math.Max(0, rowLength)], new byte[4096], rowLength));
        Assert.Contains($"{type}", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{rowLength}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_source_that_is_not_whole_rows_is_refused()
    {
        var error = Assert.Throws<ArgumentException>("source", () => Quantizer.Quantize(TensorType.Q8_0, new float[96], new byte[102], 64));
        Assert.Contains("96", error.Message, StringComparison.Ordinal);
        Assert.Contains("64", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void A_destination_of_another_size_is_refused_and_stays_untouched(TensorType type)
    {
        var info = TensorTypes.Info(type);
        var values = TestData.Make("normal", 2 * info.BlockLength, 1);
        foreach (var size in new[] { 0, 2 * info.BlockBytes - 1, 2 * info.BlockBytes + 1 })
        {
            var bytes = new byte[size];
            var error = Assert.Throws<ArgumentException>("destination", () => Quantizer.Quantize(type, values, bytes, info.BlockLength));
            Assert.Contains(info.Name, error.Message, StringComparison.Ordinal);
            Assert.Contains($"{2 * info.BlockBytes} bytes", error.Message, StringComparison.Ordinal);
            Assert.All(bytes, static b => Assert.Equal(0, b));
        }
        var stored = new byte[2 * info.BlockBytes];
        foreach (var size in new[] { 0, 2 * info.BlockLength - 1, 2 * info.BlockLength + 1 })
        {
            var error = Assert.Throws<ArgumentException>("destination", () => Quantizer.Dequantize(type, stored, new float[size]));
            Assert.Contains(info.Name, error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(TensorType.F16, 3)]
    [InlineData(TensorType.Q4_0, 17)]
    [InlineData(TensorType.Q6_K, 211)]
    public void Bytes_that_are_not_whole_blocks_are_refused(TensorType type, int size)
    {
        var error = Assert.Throws<ArgumentException>("source", () => Quantizer.Dequantize(type, new byte[size], new float[1024]));
        Assert.Contains($"{type}", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{size}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void Nothing_is_stored_as_nothing(TensorType type)
    {
        Quantizer.Quantize(type, [], [], TensorTypes.Info(type).BlockLength);
        Quantizer.Dequantize(type, [], []);
    }
}
