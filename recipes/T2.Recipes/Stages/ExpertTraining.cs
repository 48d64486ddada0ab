using System.Collections.Concurrent;
using System.Globalization;
using T2.Gguf.Experts;

namespace T2.Recipes;

/// <summary>
/// Experts and LoRA baselines, all by <c>t2 train</c>, as many at a time as there are threads. What is there already is left alone, so that the stage can be stopped and
/// run again.
/// </summary>
internal static class ExpertTraining
{
    /// <summary>Steps by policy gradient: each has <see cref="PolicyBatch"/> questions, answered four times.</summary>
    private const int PolicySteps = 60, PolicyBatch = 48;

    /// <summary>Steps by likelihood, of 64 questions.</summary>
    private const int NextTokenSteps = 60;

    /// <summary>Step sizes, each family's best of a few tried on the validation set.</summary>
    private const double SvfRate = 0.02, LoraRate = 0.002, ClassifierRate = 0.1;

    /// <summary>What the shipped experts change: all but the key projections, 5,632 singular values, which is less than a tenth of the numbers of a LoRA of rank 16 on q and v.</summary>
    private const string Weights = "attn_q,attn_v,attn_output,mlp";

    /// <summary>Trains everything that is missing.</summary>
    public static void Run(RecipeOptions options, TextWriter log, CancellationToken cancellation)
    {
        List<Training> trainings = [.. Shipped(options), .. Comparisons(options)];
        Parallel.ForEach(
            // One at a time: in blocks, the last worker would be left with a queue.
            Partitioner.Create(trainings.Where(static training => !File.Exists(training.Output)), EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { MaxDegreeOfParallelism = options.Threads, CancellationToken = cancellation },
            training => Train(options, training, log, cancellation));
        if (!File.Exists(options.Classifier))
            Expert.Load(PlainClassifier(options)).With(extra: new KeyValuePair<string, string>(Expert.RoleKey, Expert.ClassifierRole)).Save(options.Classifier);
    }

    private static IEnumerable<Training> Shipped(RecipeOptions options)
    {
        foreach (var skill in SkillSet.WithExpert)
            yield return new("svf", skill, options.Expert(skill.Name), [.. Policy(SvfRate, Weights), .. Anchor(options, skill)]);
        yield return new("svf", DataSets.Dispatch, "tells which skill a question needs", PlainClassifier(options), NextToken(ClassifierRate, Weights));
        foreach (var skill in SkillSet.WithExpert)
            yield return new("lora", skill, options.Lora(skill.Name), [.. NextToken(LoraRate, "qv"), .. Anchor(options, skill)]);
    }

    private static IEnumerable<Training> Comparisons(RecipeOptions options)
    {
        foreach (var skill in SkillSet.WithExpert)
        {
            yield return new("lora", skill, options.Compared(Families.PolicyLora, skill.Name), [.. Policy(LoraRate, "qv"), .. Anchor(options, skill)]);
            yield return new("svf", skill, options.Compared(Families.NextToken, skill.Name), [.. NextToken(SvfRate, Weights), .. Anchor(options, skill)]);
        }
        foreach (var skill in SkillSet.Latent)
        {
            foreach (string weights in Families.Weights)
                yield return new("svf", skill, options.Compared(Families.OnWeights(weights), skill.Name), [.. NextToken(SvfRate, weights), .. Anchor(options, skill)]);
            foreach (double kl in Families.WithoutAnchor)
                yield return new("svf", skill, options.Compared(Families.WithKl(kl), skill.Name), NextToken(SvfRate, Weights, kl));
            yield return new("lora", skill, options.Compared(Families.PlainLora, skill.Name), NextToken(LoraRate, "qv"));
        }
    }

    /// <summary>Holds the other skills where they are.</summary>
    private static string[] Anchor(RecipeOptions options, Skill skill) => ["--anchor", options.Data(skill.Name + ".anchor")];

    private static string PlainClassifier(RecipeOptions options) => Path.Combine(options.Work, "dispatch.gguf");

    private static void Train(RecipeOptions options, Training training, TextWriter log, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(training.Output)!);
        // Trained aside: the log and the curve stay in the work folder, the finished file moves to its place.
        string name = Path.GetFileName(Path.GetDirectoryName(training.Output)!) + "-" + training.Task;
        string aside = Path.Combine(options.Work, "training", name + ".gguf");
        Directory.CreateDirectory(Path.GetDirectoryName(aside)!);
        List<string> resume = File.Exists(aside + ".checkpoint") ? ["--resume"] : [];
        T2Program.Run(
            [
                "train", training.Kind, "-m", options.Model, "--task", options.Data(training.Task + ".train"), "--validation", options.Data(training.Task + ".valid"),
                "--validation-items", "400", "-o", aside, "--name", training.Task, "--describe", training.Description, "--seed", Text(options.Seed), "-t", "1",
                "--validate-every", "10", "--patience", "0", "--quiet", .. training.How, .. resume,
            ],
            log,
            cancellation);
        File.Copy(aside, training.Output, overwrite: true);
    }

    private static string[] Policy(double rate, string weights) =>
        ["--objective", "policy", "-n", Text(PolicySteps), "-b", Text(PolicyBatch), "--lr", Text(rate), "--kl", "0.05", "--weights", weights];

    private static string[] NextToken(double rate, string weights, double kl = 0.05) =>
        ["--objective", "next-token", "-n", Text(NextTokenSteps), "--lr", Text(rate), "--kl", Text(kl), "--weights", weights];

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>One run of <c>t2 train</c>.</summary>
    private sealed record Training(string Kind, string Task, string Description, string Output, IReadOnlyList<string> How)
    {
        public Training(string kind, Skill skill, string output, IReadOnlyList<string> how)
            : this(kind, skill.Name, skill.Description, output, how)
        {
        }
    }
}
