namespace T2.Gguf.Tests.Quantization;

/// <summary>Rows of floats of every kind that has tripped a quantiser: what weights look like, and what they do not.</summary>
internal static class TestData
{
    public static readonly string[] Kinds =
    [
        "normal", "uniform", "positive", "negative", "small integers", "mostly zero", "all zero", "zeros of both signs", "constant", "negative constant",
        "one outlier per 32", "single outlier", "range within a row", "almost constant", "almost constant and negative", "subnormal", "ties", "mirrored sub-blocks", "sub-blocks of every size",
    ];

    public static TheoryData<TensorType> Types => [.. TensorTypes.Rebuildable];

    public static TheoryData<TensorType> BlockTypes => [.. TensorTypes.Rebuildable.Where(static type => TensorTypes.Info(type).BlockLength > 1)];

    public static float[] Make(string kind, int count, int seed, float magnitude = 1)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = kind switch
            {
                "normal" => Normal(random),
                "uniform" => random.NextSingle() * 2 - 1,
                "positive" => random.NextSingle(),
                "negative" => -random.NextSingle(),
                "small integers" => random.Next(-3, 4),
                "mostly zero" => random.Next(20) == 0 ? Normal(random) : 0,
                "all zero" => 0,
                "zeros of both signs" => random.Next(2) == 0 ? 0f : -0f,
                "constant" => 0.7f,
                "negative constant" => -0.7f,
                "one outlier per 32" => i % 32 == 7 ? Normal(random) * 1000 : Normal(random) * 0.01f,
                "single outlier" => i == count / 3 ? 3 : 0,
                "range within a row" => Normal(random) * MathF.Pow(10, random.NextSingle() * 12 - 9),
                "almost constant" => 0.5f + random.Next(4) * 6e-8f,
                "almost constant and negative" => -0.5f - random.Next(4) * 6e-8f,
                "subnormal" => random.Next(-2000, 2001) * 1e-44f,
                // A step of exactly 1 in Q8_0 (and half of that in Q4_1), then halves and their neighbours.
                "ties" => i % 32 == 0 ? 127 : Neighbour(random.Next(-120, 121) + 0.5f, random.Next(-1, 2)),
                "mirrored sub-blocks" => i < 16 ? Normal(random) : -values[i - 16],
                "sub-blocks of every size" => Normal(random) * MathF.Pow(10, -(i / 16 * 7 % 21)),
                _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such data."),
            };
        }
        for (var i = 0; i < count; i++)
            values[i] *= magnitude;
        return values;
    }

    public static byte[] Bytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static float Neighbour(float value, int ulps) => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value) + ulps);

    private static float Normal(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
