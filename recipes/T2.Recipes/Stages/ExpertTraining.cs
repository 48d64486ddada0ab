using System.Globalization;
using T2.Gguf.Experts;

namespace T2.Recipes;

/// <summary>Experts and LoRA baselines, all by <c>t2 train</c>. What is there already is left alone, so that the stage can be stopped and run again.</summary>
internal static class ExpertTraining
{
    /// <summary>Steps by policy gradient: each has <see cref="PolicyBatch"/> questions, answered four times.</summary>
    private const int PolicySteps = 60, PolicyBatch = 48;

    /// <summary>Steps by likelihood, of 64 questions.</summary>
    private const int NextTokenSteps = 80;

    /// <summary>Trains everything that is missing.</summary>
    public static void Run(RecipeOptions options, TextWriter log, CancellationToken cancellation)
    {
        foreach (var skill in SkillSet.WithExpert)
            Train(options, "svf", skill, options.Expert(skill.Name), Policy(0.02), log, cancellation);
        TrainClassifier(options, log, cancellation);
        foreach (var skill in SkillSet.WithExpert)
        {
            Train(options, "svf", skill, options.NextTokenExpert(skill.Name), NextToken(0.02), log, cancellation);
            Train(options, "lora", skill, options.Lora(skill.Name), NextToken(0.002), log, cancellation);
        }
        foreach (var skill in SkillSet.Latent)
        {
            foreach (string weights in new[] { "attention", "all" })
                Train(options, "svf", skill, options.Ablation(skill.Name, weights), [.. NextToken(0.02), "--weights", weights], log, cancellation);
        }
    }

    private static void TrainClassifier(RecipeOptions options, TextWriter log, CancellationToken cancellation)
    {
        if (File.Exists(options.Classifier))
            return;
        string plain = Path.Combine(options.Work, "dispatch.gguf");
        Train(options, "svf", DataSets.Dispatch, "tells which skill a question needs", plain, NextToken(0.01), log, cancellation);
        Expert.Load(plain).With(extra: new KeyValuePair<string, string>(Expert.RoleKey, Expert.ClassifierRole)).Save(options.Classifier);
    }

    private static void Train(RecipeOptions options, string kind, Skill skill, string output, IEnumerable<string> how, TextWriter log, CancellationToken cancellation) =>
        Train(options, kind, skill.Name, skill.Description, output, how, log, cancellation);

    private static void Train(
        RecipeOptions options, string kind, string task, string description, string output, IEnumerable<string> how, TextWriter log, CancellationToken cancellation)
    {
        if (File.Exists(output))
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(output)!);
        // Trained aside: the log and the curve stay in the work folder, the finished file moves to its place.
        string aside = Path.Combine(options.Work, "training", Path.GetRelativePath(options.Work, output).Replace(Path.DirectorySeparatorChar, '_').Replace("..", "", StringComparison.Ordinal));
        Directory.CreateDirectory(Path.GetDirectoryName(aside)!);
        List<string> resume = File.Exists(aside + ".checkpoint") ? ["--resume"] : [];
        T2Program.Run(
            [
                "train", kind, "-m", options.Model, "--task", options.Data(task + ".train"), "--validation", options.Data(task + ".valid"), "--validation-items", "200", "-o", aside,
                "--name", task, "--describe", description, "--seed", Text(options.Seed), "-t", Text(options.Threads), "--validate-every", "10", "--patience", "0", .. how, .. resume,
            ],
            log,
            cancellation);
        File.Copy(aside, output, overwrite: true);
    }

    private static string[] Policy(double rate) =>
        ["--objective", "policy", "-n", Text(PolicySteps), "-b", Text(PolicyBatch), "--lr", rate.ToString(CultureInfo.InvariantCulture), "--kl", "0.05"];

    private static string[] NextToken(double rate) => ["--objective", "next-token", "-n", Text(NextTokenSteps), "--lr", rate.ToString(CultureInfo.InvariantCulture), "--kl", "0.05"];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
