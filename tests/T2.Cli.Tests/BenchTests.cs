using System.Text.Json.Nodes;
using T2.Gguf;

namespace T2.Cli.Tests;

public class BenchTests(CliFixture files) : IClassFixture<CliFixture>
{
    private static readonly string[] s_quick = ["-t", "1", "-p", "8", "-n", "4", "-r", "2"];

    [Fact]
    public async Task Speeds_and_costs_of_an_expert_and_a_LoRA_come_as_one_object()
    {
        string lora = files.File("bench-lora.gguf");
        WriteLora(lora);
        var report = (await T2Process.SucceedAsync(["bench", "-m", files.Model, "--expert", files.Wild, "--lora", lora, .. s_quick[..^1], "3", "-o", "json"])).Json();

        Assert.Equal(3, report["repetitions"]!.GetValue<int>());
        Assert.Equal(1, report["threads"]!.GetValue<int>());
        var rows = report["rows"]!.AsArray().Select(static row => row!.AsObject()).ToArray();
        string[] speeds = [.. rows.Where(static row => Text(row, "unit") == "t/s").Select(static row => $"{Text(row, "weights")} {Text(row, "test")}")];
        Assert.Equal(["base pp8", "base tg4", "wild pp8", "wild tg4", "lora:bench-lora pp8", "lora:bench-lora tg4"], speeds);
        foreach (var row in rows)
        {
            double[] samples = Samples(row);
            Assert.True(samples.Length >= 3 && samples.All(static sample => sample >= 0));
            double mean = samples.Average();
            Assert.Equal(mean, Number(row, "mean"), 1e-9 * samples.Max());
            Assert.Equal(Math.Sqrt(samples.Sum(sample => (sample - mean) * (sample - mean)) / (samples.Length - 1)), Number(row, "deviation"), 1e-9 * samples.Max());
            Assert.Equal(Median(samples), Number(row, "median"), 1e-9 * samples.Max());
        }
        Assert.All(rows.Where(static row => Text(row, "weights") == "base"), static row => Assert.Equal(1, row["of_base"]!.GetValue<double>()));
        foreach (var row in rows.Where(static row => Text(row, "unit") == "t/s"))
        {
            var of = Samples(rows.Single(other => Text(other, "weights") == "base" && Text(other, "test") == Text(row, "test")));
            Assert.Equal(Median([.. Samples(row).Zip(of, static (speed, ofBase) => speed / ofBase)]), Number(row, "of_base"), 1e-9);
        }
        Assert.True(Mean(rows, "rebuild") > 0);
        double rebuilt = Mean(rows, "first token, rebuilt");
        Assert.True(rebuilt >= Mean(rows, "first token, rebuilt: dispatch") + Mean(rows, "first token, rebuilt: rebuild") + Mean(rows, "first token, rebuilt: prefill"));
        Assert.True(Mean(rows, "first token, kept: dispatch") > 0);
    }

    [Fact]
    public async Task Markdown_has_llama_benchs_columns()
    {
        var result = await T2Process.SucceedAsync(["bench", "-m", files.Model, .. s_quick]);
        Assert.Contains("| model | size | params | threads | weights | test | t/s | of base |", result.StandardOutput, StringComparison.Ordinal);
        Assert.Matches(@"\| 1 \| base \| tg4 \| \d+\.\d\d ± \d+\.\d\d \| 1\.000 \|", result.StandardOutput);
        Assert.DoesNotContain("rebuild", result.StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CSV_has_as_many_cells_a_row_as_names()
    {
        var result = await T2Process.SucceedAsync(["bench", "-m", files.Model, "-t", "1", "-p", "0", "-n", "2", "-r", "1", "-o", "csv"]);
        string[] lines = result.StandardOutput.TrimEnd('\n').Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.Equal(lines[0].Split(',').Length, lines[1].Split(',').Length);
        Assert.Contains("\"base\",\"tg2\",t/s", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mistakes_are_named()
    {
        T2Process.AssertFailure(await T2Process.RunAsync("bench", "-m", files.Model, "-o", "xml"), 2, "'xml'");
        T2Process.AssertFailure(await T2Process.RunAsync("bench", "-m", files.Model, "-p", "0", "-n", "0"), 2, "nothing to measure");
        T2Process.AssertFailure(await T2Process.RunAsync("bench", "-m", files.Model, "-r", "0"), 2, "--repetitions takes");
        T2Process.AssertFailure(await T2Process.RunAsync("bench", "-m", files.Model, "--lora", files.Wild), 3, files.Wild);
        T2Process.AssertFailure(await T2Process.RunAsync("bench", "-m", files.OtherModel, "--expert", files.Wild), 4, "wild");
    }

    private static double[] Samples(JsonObject row) => [.. row["samples"]!.AsArray().Select(static sample => sample!.GetValue<double>())];

    private static double Number(JsonObject row, string name) => row[name]!.GetValue<double>();

    private static double Median(double[] samples)
    {
        double[] sorted = [.. samples.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Text(JsonObject row, string name) => row[name]!.GetValue<string>();

    private static double Mean(JsonObject[] rows, string test) => rows.Single(row => Text(row, "weights") == "wild" && Text(row, "test") == test)["mean"]!.GetValue<double>();

    /// <summary>Rank 4 on one weight, which changes nothing: B is zero.</summary>
    private void WriteLora(string path)
    {
        using var model = GgufFile.Open(files.Model);
        var weight = model.Tensors.Single(static tensor => tensor.Name == "blk.0.ffn_up.weight");
        var writer = new GgufWriter();
        writer.SetMetadata("general.architecture", model.Architecture!);
        writer.SetMetadata("general.type", "adapter");
        writer.SetMetadata("adapter.type", "lora");
        writer.SetMetadata("adapter.lora.alpha", 4f);
        writer.AddTensor(weight.Name + ".lora_a", TensorType.F32, [weight.Dimensions[0], 4], new byte[weight.Dimensions[0] * 16]);
        writer.AddTensor(weight.Name + ".lora_b", TensorType.F32, [4, weight.Dimensions[1]], new byte[weight.Dimensions[1] * 16]);
        writer.WriteTo(path);
    }
}
