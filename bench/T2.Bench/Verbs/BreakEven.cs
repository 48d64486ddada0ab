using System.Globalization;
using System.Text;
using System.Text.Json;
using T2.Charts;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>break-even --bench FILE -o DIR</c>: from what <c>t2 bench -o json</c> measured, after how many tokens an expert has cost less than a LoRA adapter would
/// have: what changing the weights takes, once, against what the adapter takes for every token. Writes DIR/bench.md and DIR/break-even.svg.
/// </summary>
internal static class BreakEven
{
    /// <summary>Past this many tokens nobody waits for a break-even.</summary>
    private const int MostTokens = 4096;

    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--bench", "-o");
        using var json = JsonDocument.Parse(File.ReadAllText(options.Require("--bench")));
        string folder = options.Require("-o");
        Directory.CreateDirectory(folder);
        var rows = json.RootElement.GetProperty("rows").EnumerateArray().ToArray();
        var generated = rows.Where(static row => Text(row, "test").StartsWith("tg", StringComparison.Ordinal)).ToDictionary(static row => Text(row, "weights"), static row => 1000 / Number(row, "median"));
        var prompts = rows.Where(static row => Text(row, "test").StartsWith("pp", StringComparison.Ordinal)).ToDictionary(static row => Text(row, "weights"), static row => 1000 / Number(row, "median"));
        string expert = generated.Keys.FirstOrDefault(static name => name != "base" && !name.StartsWith("lora:", StringComparison.Ordinal)) ?? throw new ArgumentException("The measurements have no expert.");
        double Cost(string test) => Number(rows.Single(row => Text(row, "weights") == expert && Text(row, "test") == test), "median");
        double rebuild = Cost("rebuild"), kept = Cost("switch, kept in memory");
        string[] loras = [.. generated.Keys.Where(static name => name.StartsWith("lora:", StringComparison.Ordinal))];

        var report = new StringBuilder();
        report.AppendLine(CultureInfo.InvariantCulture, $"# {Name(json.RootElement)}, {Number(json.RootElement, "threads"):0} threads, `t2 bench`, {Number(json.RootElement, "repetitions"):0} repetitions in turns").AppendLine();
        report.AppendLine("## Speed").AppendLine().AppendLine("| weights | test | t/s | of base |").AppendLine("|---|--:|--:|--:|");
        foreach (var row in rows.Where(static row => Text(row, "unit") == "t/s"))
            report.AppendLine(CultureInfo.InvariantCulture, $"| {Text(row, "weights")} | {Text(row, "test")} | {Number(row, "mean"):0.00} ± {Number(row, "deviation"):0.00} | {Number(row, "of_base"):0.000} |");
        report.AppendLine().AppendLine("## What a change of weights and a first token take, ms").AppendLine().AppendLine("| what | median | mean ± sd |").AppendLine("|---|--:|--:|");
        foreach (var row in rows.Where(static row => Text(row, "unit") == "ms"))
            report.AppendLine(CultureInfo.InvariantCulture, $"| {Text(row, "test")} | {Number(row, "median"):0.000} | {Number(row, "mean"):0.000} ± {Number(row, "deviation"):0.000} |");
        report.AppendLine().AppendLine("## Break-even").AppendLine();
        report.AppendLine("Tokens from which the expert, with its change of weights paid for, has taken less time than the adapter; T2's own speed is taken to be what was measured.").AppendLine();
        report.AppendLine("| against | tokens | rebuilt | kept in memory |").AppendLine("|---|---|--:|--:|");
        foreach (string lora in loras)
        {
            foreach (var (kind, costs) in ((string, Dictionary<string, double>)[])[("generated", generated), ("of the prompt", prompts)])
            {
                if (costs.Count > 0)
                    report.AppendLine(CultureInfo.InvariantCulture, $"| {lora} | {kind} | {Tokens(rebuild, costs[lora] - costs[expert])} | {Tokens(kept, costs[lora] - costs[expert])} |");
            }
        }
        report.AppendLine().AppendLine("![break-even](break-even.svg)");
        File.WriteAllText(Path.Combine(folder, "bench.md"), report.ToString());

        int[] counts = [.. Enumerable.Range(0, 13).Select(static power => 1 << power)];
        var series = new List<Series>
        {
            Line("T2 expert, rebuilt from its factors", rebuild, generated[expert]),
            Line("T2 expert, kept in memory", kept, generated[expert]),
        };
        series.AddRange(loras.Select(lora => Line($"LoRA {lora["lora:".Length..]}", 0, generated[lora]) with { IsDashed = true }));
        File.WriteAllText(Path.Combine(folder, "break-even.svg"), Chart.Lines(
            $"Extra time over the base, {Name(json.RootElement)}", "tokens generated", "seconds more than the base", series, new ChartOptions { IsLogarithmicX = true }));
        Console.Write(report);
        return 0;

        // The base's own time is left out: it is the same on every line.
        Series Line(string name, double once, double perToken) => new(name, [.. counts.Select(count => ((double)count, (once + (count * (perToken - generated["base"]))) / 1000))]);
    }

    private static string Tokens(double once, double savedPerToken) => savedPerToken <= 0
        ? "never: the adapter was no slower"
        : Math.Ceiling(once / savedPerToken) is var tokens && tokens <= MostTokens ? tokens.ToString("N0", CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{tokens:N0} (more than {MostTokens:N0})");

    /// <summary>The file's name: what llama.cpp guesses of a small model's size says nothing.</summary>
    private static string Name(JsonElement bench) => Path.GetFileNameWithoutExtension(Text(bench, "model"));

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static double Number(JsonElement element, string name) => element.GetProperty(name).GetDouble();
}
