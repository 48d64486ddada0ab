using System.Globalization;
using T2.Runtime;

namespace T2.Bench.Verbs;

/// <summary><c>make-adapters --model FILE [--ranks R,R] -o DIR</c>: an expert (random.gguf) and LoRA adapters (r16.gguf...) with random values, for <c>t2 bench</c>.</summary>
internal static class MakeAdapters
{
    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--model", "--ranks", "-o");
        RunAsync(options.Require("--model"), options.Find("--ranks") ?? "16,64", options.Require("-o")).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync(string path, string ranks, string folder)
    {
        Directory.CreateDirectory(folder);
        await using var model = await AdaptiveModel.LoadAsync(path);
        RandomExperts.Make(model, 1, 0.2f).Save(Path.Combine(folder, "random.gguf"));
        foreach (string rank in ranks.Split(','))
            RandomExperts.WriteLora(model.File, int.Parse(rank, CultureInfo.InvariantCulture), Path.Combine(folder, $"r{rank}.gguf"));
    }
}
