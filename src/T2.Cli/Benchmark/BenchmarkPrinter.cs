namespace T2.Cli;

/// <summary>A benchmark's report as Markdown, with llama-bench's columns first, or as CSV.</summary>
internal static class BenchmarkPrinter
{
    internal static void Markdown(TextWriter writer, BenchmarkReport report)
    {
        var speeds = report.Rows.Where(static row => row.Unit == BenchmarkRow.Speed).ToArray();
        if (speeds.Length > 0)
        {
            string model = $"| {report.Description} | {Units.Bytes(report.SizeBytes)} | {Units.Invariant($"{report.Parameters / 1e6:0.00} M")} | {report.Threads} |";
            writer.WriteLine("| model | size | params | threads | weights | test | t/s | of base |");
            writer.WriteLine("|---|--:|--:|--:|---|--:|--:|--:|");
            foreach (var row in speeds)
                writer.WriteLine(Units.Invariant($"{model} {row.Weights} | {row.Test} | {row.Mean:0.00} ± {row.Deviation:0.00} | {row.OfBase:0.000} |"));
        }
        var times = report.Rows.Where(static row => row.Unit == BenchmarkRow.Time).ToArray();
        if (times.Length > 0)
        {
            if (speeds.Length > 0)
                writer.WriteLine();
            writer.WriteLine("| weights | what | ms, median | lowest | highest | n |");
            writer.WriteLine("|---|---|--:|--:|--:|--:|");
            foreach (var row in times)
                writer.WriteLine(Units.Invariant($"| {row.Weights} | {row.Test} | {row.Median:0.000} | {row.Samples.Min():0.000} | {row.Samples.Max():0.000} | {row.Samples.Count} |"));
        }
        writer.WriteLine();
        writer.WriteLine(Units.Invariant($"llama.cpp {report.Library}, {report.Device}; kernel {report.Kernel}; {report.Repetitions} repetitions after a warm-up"));
        writer.Flush();
    }

    internal static void Csv(TextWriter writer, BenchmarkReport report)
    {
        writer.WriteLine("model,size_bytes,parameters,threads,weights,test,unit,mean,deviation,median,n,of_base");
        foreach (var row in report.Rows)
        {
            writer.WriteLine(Units.Invariant(
                $"{Quoted(report.Description)},{report.SizeBytes},{report.Parameters},{report.Threads},{Quoted(row.Weights)},{Quoted(row.Test)},{row.Unit},{row.Mean:G6},{row.Deviation:G6},{row.Median:G6},{row.Samples.Count},{row.OfBase:G6}"));
        }
        writer.Flush();
    }

    private static string Quoted(string text) => '"' + text.Replace("\"", "\"\"", StringComparison.Ordinal) + '"';
}
