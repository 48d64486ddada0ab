using System.Globalization;
using T2.Gguf.Experts;
using T2.Runtime;
using T2.Runtime.Search;
using T2.Tasks;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>search --model FILE --experts DIR --questions FILE [--factors FILE] [--rounds N] [--threads N]</c>: milliseconds a candidate of the few-shot search takes
/// (mixing the weights, answering the shots, and the likelihood of their right answers), by number of experts and of shots, with the weights as sums of kept
/// deltas and rebuilt with shares of their own for each weight. Every round measures each case once over a generation of 8 candidates; cases take turns, every
/// other round backwards, after one round that is not counted. Medians, and quartiles of the ratio of a round's own two.
/// </summary>
internal static class Search
{
    private const int Population = 8;
    private static readonly int[] s_shots = [3, 5, 10, 20];

    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--model", "--experts", "--questions", "--factors", "--rounds", "--threads");
        int Number(string name, int fallback) => options.Find(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : fallback;
        var task = TaskSet.Load(options.Require("--questions"));
        RunAsync(options.Require("--model"), options.Require("--experts"), task, options.Find("--factors"), Number("--rounds", 7), Number("--threads", 0)).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync(string path, string folder, TaskSet task, string? factors, int rounds, int threads)
    {
        await using var model = await AdaptiveModel.LoadAsync(path, new ModelOptions { FactorPath = factors });
        foreach (string file in Directory.GetFiles(folder, "*.gguf").Order(StringComparer.Ordinal))
            model.Experts.Load(file);
        if (model.Experts.Experts.Count == 0)
            throw new ArgumentException($"There are no experts in '{folder}'.");
        Case[] cases = [.. from experts in Enumerable.Range(1, model.Experts.Experts.Count) from shots in s_shots where shots <= task.Items.Count select new Case(experts, shots)];
        for (int round = -1; round < rounds; round++)
        {
            foreach (var one in round % 2 == 0 ? cases : cases.Reverse())
            {
                double mixed = await TimeAsync(model, task, one, perWeight: false, threads);
                double rebuilt = await TimeAsync(model, task, one, perWeight: true, threads);
                if (round < 0)
                    continue;
                one.Mixed.Add(mixed);
                one.Rebuilt.Add(rebuilt);
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(path)}, task '{task.Name}', {rounds} rounds taking turns after one for warming up; milliseconds a candidate"));
        Console.WriteLine("| experts | shots | sums of kept deltas | rebuilt, shares per weight | rebuilt over sums (quartiles) |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var one in cases)
        {
            double[] ratios = [.. one.Rebuilt.Zip(one.Mixed, static (rebuilt, mixed) => rebuilt / mixed).Order()];
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {one.Experts} | {one.Shots} | {Bench.Statistics.Median(one.Mixed):0.0} | {Bench.Statistics.Median(one.Rebuilt):0.0} | {Bench.Statistics.Median(ratios):0.00} ({ratios[ratios.Length / 4]:0.00} to {ratios[ratios.Length * 3 / 4]:0.00}) |"));
        }
    }

    private static async Task<double> TimeAsync(AdaptiveModel model, TaskSet task, Case one, bool perWeight, int threads)
    {
        Expert[] experts = [.. model.Experts.Experts.Take(one.Experts)];
        var result = await new FewShotSearch(model, experts, task, new FewShotOptions
        {
            Shots = one.Shots,
            Generations = 1,
            Population = Population,
            Elites = 2,
            PerWeight = perWeight,
            Seed = 1,
            Batch = new BatchOptions { Sequences = one.Shots, Threads = threads },
        }).RunAsync();
        if (result.Mixed == perWeight)
            throw new ArgumentException($"Kernel '{model.KernelName}' cannot keep experts as deltas, so there is nothing to compare.");
        return result.CandidateTime.TotalMilliseconds;
    }

    /// <summary>One row of the table.</summary>
    private sealed record Case(int Experts, int Shots)
    {
        internal List<double> Mixed { get; } = [];

        internal List<double> Rebuilt { get; } = [];
    }
}
