namespace T2.Cli;

/// <summary>What <c>t2 bench</c> found.</summary>
/// <param name="Model">The file.</param>
/// <param name="Description">Architecture, size and type as llama.cpp names them.</param>
/// <param name="Parameters">Number of weights.</param>
/// <param name="Threads">Of decoding and of rebuilding.</param>
/// <param name="Library">llama.cpp's version.</param>
/// <param name="Device">The first device that llama.cpp offers.</param>
internal sealed record BenchmarkReport(
    string Model, string Description, long SizeBytes, long Parameters, int Threads, int GpuLayers, string Kernel, string Library, string Device, int Repetitions, IReadOnlyList<BenchmarkRow> Rows);

/// <summary>One thing measured.</summary>
/// <param name="Weights">base, an expert's name, or <c>lora:</c> and a file's name.</param>
/// <param name="Test">pp512, tg128, rebuild, switch, reset, or <c>first token</c> and its stages.</param>
/// <param name="Unit">t/s or ms.</param>
/// <param name="Samples">Every measurement, in order.</param>
/// <param name="OfBase">Median over the repetitions of the ratio to the base's speed in the same repetition; null where that means nothing.</param>
internal sealed record BenchmarkRow(string Weights, string Test, string Unit, double Mean, double Deviation, double Median, IReadOnlyList<double> Samples, double? OfBase)
{
    internal const string Speed = "t/s";

    internal const string Time = "ms";

    internal static BenchmarkRow Of(string weights, string test, string unit, IReadOnlyList<double> samples, IReadOnlyList<double>? baseSamples = null)
    {
        double mean = samples.Average();
        double deviation = samples.Count > 1 ? Math.Sqrt(samples.Sum(sample => (sample - mean) * (sample - mean)) / (samples.Count - 1)) : 0;
        double? ofBase = baseSamples is null ? null : Middle([.. samples.Zip(baseSamples, static (sample, of) => sample / of)]);
        return new(weights, test, unit, mean, deviation, Middle([.. samples]), samples, ofBase);
    }

    private static double Middle(double[] samples)
    {
        Array.Sort(samples);
        return (samples[samples.Length / 2] + samples[(samples.Length - 1) / 2]) / 2;
    }
}
