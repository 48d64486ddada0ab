using T2.Gguf.Quantization;

namespace T2.Gguf.Tests.Quantization;

public class QuantizeTests
{
    [SkippableTheory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void Bytes_equal_those_of_ggml(TensorType type)
    {
        GgmlOracle.Require();
        float[] magnitudes = [1, 1e-30f, 3e-16f, 1e-14f, 1e-12f, 1e-5f, 0.02f, 1e4f];
        var seed = 0;
        foreach (var kind in TestData.Kinds)
        {
            foreach (var magnitude in magnitudes)
            {
                foreach (var (rows, rowLength) in Shapes(type))
                {
                    var values = TestData.Make(kind, rows * rowLength, ++seed, magnitude);
                    Check.SameBytes(GgmlOracle.Quantize(type, values, rowLength), Quantize(type, values, rowLength), type, $"{kind} × {magnitude}, {rows} × {rowLength}, seed {seed}");
                }
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void Bytes_equal_those_of_ggml_for_many_seeds(TensorType type)
    {
        GgmlOracle.Require();
        for (var seed = 1000; seed < 1060; seed++)
        {
            var magnitude = MathF.Pow(10, seed % 12 - 8);
            var values = TestData.Make(seed % 2 == 0 ? "normal" : "uniform", 2048, seed, magnitude);
            Check.SameBytes(GgmlOracle.Quantize(type, values, 1024), Quantize(type, values, 1024), type, $"seed {seed}");
        }
    }

    [SkippableTheory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void Dequantised_values_are_stored_again_as_ggml_stores_them(TensorType type)
    {
        GgmlOracle.Require();
        var bytes = GgmlOracle.Quantize(type, TestData.Make("normal", 4096, 5, 0.1f), 1024);
        for (var turn = 1; turn <= 3; turn++)
        {
            var values = new float[4096];
            Quantizer.Dequantize(type, bytes, values);
            bytes = Quantize(type, values, 1024);
            Check.SameBytes(GgmlOracle.Quantize(type, values, 1024), bytes, type, $"turn {turn}");
        }
    }

    [SkippableTheory]
    [InlineData(TensorType.F16)]
    [InlineData(TensorType.BF16)]
    public void Halves_round_as_ggml_rounds_over_the_whole_range_of_floats(TensorType type)
    {
        GgmlOracle.Require();
        // An odd stride visits every exponent with changing mantissas, NaNs included; the ties between neighbouring halves are added.
        var values = new List<float>();
        for (var bits = 0L; bits <= uint.MaxValue; bits += 40_503)
            values.Add(BitConverter.UInt32BitsToSingle((uint)bits));
        for (var half = 0; half <= ushort.MaxValue; half++)
        {
            var widened = type == TensorType.F16 ? BitConverter.SingleToUInt32Bits((float)BitConverter.UInt16BitsToHalf((ushort)half)) : (uint)half << 16;
            var tie = type == TensorType.F16 ? 0x1000u : 0x8000u;
            values.Add(BitConverter.UInt32BitsToSingle(widened + tie - 1));
            values.Add(BitConverter.UInt32BitsToSingle(widened + tie));
            values.Add(BitConverter.UInt32BitsToSingle(widened + tie + 1));
        }
        var all = values.ToArray();
        Check.SameBytes(GgmlOracle.Quantize(type, all, all.Length), Quantize(type, all, all.Length), type, "all");
        for (var i = 0; i < all.Length; i += 97) // one value at a time takes the other path through the code
            Check.SameBytes(GgmlOracle.Quantize(type, all.AsSpan(i, 1), 1), Quantize(type, all.AsSpan(i, 1), 1), type, $"{all[i]:R}");
    }

    [Theory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void Values_survive_as_well_as_the_format_allows(TensorType type)
    {
        var values = TestData.Make("normal", 8192, 11);
        var restored = new float[8192];
        Quantizer.Dequantize(type, Quantize(type, values, 1024), restored);
        double error = 0, power = 0;
        for (var i = 0; i < values.Length; i++)
        {
            error += Math.Pow(restored[i] - values[i], 2);
            power += Math.Pow(values[i], 2);
        }
        var allowed = type switch
        {
            TensorType.F32 => 0,
            TensorType.F16 => 3e-4,
            TensorType.BF16 => 2.5e-3,
            TensorType.Q8_0 => 0.007,
            TensorType.Q6_K => 0.02,
            TensorType.Q5_0 or TensorType.Q5_1 or TensorType.Q5_K => 0.05,
            TensorType.Q4_0 or TensorType.Q4_1 or TensorType.Q4_K => 0.1,
            TensorType.Q3_K => 0.18,
            _ => 0.32,
        };
        Assert.InRange(Math.Sqrt(error / power), 0, allowed);
    }

    [Theory]
    [MemberData(nameof(TestData.BlockTypes), MemberType = typeof(TestData))]
    public void A_value_that_is_not_finite_spoils_its_own_block_only(TensorType type)
    {
        var info = TensorTypes.Info(type);
        float[] spoilers = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, -float.MaxValue];
        var values = TestData.Make("normal", 5 * info.BlockLength, 3);
        var expected = Quantize(type, values, values.Length);
        foreach (var spoiler in spoilers)
        {
            var spoilt = values.ToArray();
            spoilt[2 * info.BlockLength + 5] = spoiler;
            var actual = Quantize(type, spoilt, spoilt.Length);
            expected.AsSpan(2 * info.BlockBytes, info.BlockBytes).CopyTo(actual.AsSpan(2 * info.BlockBytes));
            Check.SameBytes(expected, actual, type, $"{spoiler}");
        }
        Array.Fill(values, float.NaN);
        Quantizer.Dequantize(type, Quantize(type, values, values.Length), new float[values.Length]);
    }

    [Theory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void Rows_can_be_stored_by_several_threads(TensorType type)
    {
        const int RowLength = 768;
        const int Rows = 64;
        var values = TestData.Make("normal", Rows * RowLength, 21);
        var expected = Quantize(type, values, RowLength);
        var actual = new byte[expected.Length];
        var rowBytes = expected.Length / Rows;
        Parallel.For(0, Rows, row =>
            Quantizer.Quantize(type, values.AsSpan(row * RowLength, RowLength), actual.AsSpan(row * rowBytes, rowBytes), RowLength));
        Check.SameBytes(expected, actual, type, "parallel");
    }

    [Theory]
    [MemberData(nameof(TestData.Types), MemberType = typeof(TestData))]
    public void The_destination_may_lie_at_any_address_and_its_surroundings_stay(TensorType type)
    {
        var count = 15 * TensorTypes.Info(type).BlockLength;
        var values = TestData.Make("normal", count, 4);
        var expected = Quantize(type, values, count);
        for (var shift = 1; shift < 4; shift++)
        {
            var buffer = new byte[expected.Length + 400];
            Array.Fill(buffer, (byte)0xA5);
            Quantizer.Quantize(type, values, buffer.AsSpan(shift, expected.Length), count);
            Check.SameBytes(expected, buffer[shift..(shift + expected.Length)], type, $"shift {shift}");
            Assert.All(buffer[..shift].Concat(buffer[(shift + expected.Length)..]), static b => Assert.Equal(0xA5, b));
        }
    }

    private static byte[] Quantize(TensorType type, ReadOnlySpan<float> values, int rowLength)
    {
        var bytes = new byte[TensorTypes.Info(type).BytesFor(values.Length)];
        Quantizer.Quantize(type, values, bytes, rowLength);
        return bytes;
    }

    private static (int Rows, int RowLength)[] Shapes(TensorType type) => TensorTypes.Info(type).BlockLength switch
    {
        1 => [(3, 37), (1, 1), (2, 64)],
        32 => [(1, 32), (3, 96)],
        _ => [(1, 256), (3, 256), (1, 2048)],
    };
}
