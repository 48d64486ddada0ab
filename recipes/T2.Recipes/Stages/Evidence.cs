using System.Globalization;
using System.Text;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Tasks;
using T2.Training;

namespace T2.Recipes;

/// <summary>Measures everything there is on everything, and writes the tables. What has not been trained is left out.</summary>
internal static class Evidence
{
    /// <summary>Runs the measurements.</summary>
    public static void Run(RecipeOptions options, TextWriter log, CancellationToken cancellation) => RunAsync(options, log, cancellation).GetAwaiter().GetResult();

    private static async Task RunAsync(RecipeOptions options, TextWriter log, CancellationToken cancellation)
    {
        var measurement = new Measurement(options, log);
        List<TaskSet> skills = [.. SkillSet.WithExpert.Select(skill => TaskSet.Load(options.Data(skill.Name + ".test")))];
        List<TaskSet> unseen = [.. UnseenTasks.All.Select(task => TaskSet.Load(options.Data(task.Name + ".test")))];
        string[] skillNames = [.. skills.Select(static task => task.Name)];
        string[] unseenNames = [.. unseen.Select(static task => task.Name)];
        var report = new StringBuilder();

        Task<IReadOnlyDictionary<string, bool[]>> Of(Measurement.Answerer system, IEnumerable<TaskSet> tasks) => measurement.VerdictsAsync(system, [.. tasks], cancellation);
        var based = await Of(new("base", options.Model), [.. skills, .. unseen]).ConfigureAwait(false);

        // The shipped experts on their own tasks first: the answer to the question that matters comes early.
        foreach (var skill in SkillSet.WithExpert.Where(skill => File.Exists(options.Expert(skill.Name))))
            await Of(Policy(options, skill), [skills.Single(task => task.Name == skill.Name)]).ConfigureAwait(false);
        foreach (var classifier in new[] { new Measurement.Answerer("base", options.Model), Classifier(options) }.OfType<Measurement.Answerer>())
            await Of(classifier, [TaskSet.Load(options.Data(DataSets.Dispatch + ".test"))]).ConfigureAwait(false);

        List<(string Title, IReadOnlyDictionary<string, bool[]> Verdicts)> rows = [("base", based)];
        foreach (var (title, systems) in Families(options))
        {
            foreach (var (skill, system) in systems)
                rows.Add(($"{title}: {skill.Name}", await Of(system, [.. skills, .. unseen]).ConfigureAwait(false)));
        }
        report.Append("## Each on each\n\n").Append(ResultTables.Matrix(rows, skillNames, based)).Append("\n## Unseen tasks\n\n").Append(ResultTables.Matrix(rows, unseenNames, based));
        await File.WriteAllTextAsync(Path.Combine(options.Work, "tables.md"), report.ToString(), cancellation).ConfigureAwait(false);

        report.Append("\n## Ablations, each expert on its own task\n\n").Append(await AblationsAsync(options, skills, based, Of).ConfigureAwait(false));
        await File.WriteAllTextAsync(Path.Combine(options.Work, "tables.md"), report.ToString(), cancellation).ConfigureAwait(false);
        log.WriteLine(report);
    }

    private static async Task<string> AblationsAsync(
        RecipeOptions options, List<TaskSet> skills, IReadOnlyDictionary<string, bool[]> based, Func<Measurement.Answerer, IEnumerable<TaskSet>, Task<IReadOnlyDictionary<string, bool[]>>> of)
    {
        var latent = SkillSet.Latent.Where(skill => File.Exists(options.Expert(skill.Name))).ToList();
        var rows = new List<(string Title, IReadOnlyDictionary<string, bool[]> Verdicts)> { ("base", based) };
        async Task Row(string title, Func<Skill, Measurement.Answerer?> system)
        {
            var verdicts = new Dictionary<string, bool[]>(StringComparer.Ordinal);
            foreach (var skill in latent)
            {
                if (system(skill) is { } answerer)
                    verdicts[skill.Name] = (await of(answerer, [skills.Single(task => task.Name == skill.Name)]).ConfigureAwait(false))[skill.Name];
            }
            if (verdicts.Count > 0)
                rows.Add((title, verdicts));
        }

        await Row("expert", skill => Policy(options, skill)).ConfigureAwait(false);
        await Row("z shuffled within each matrix", skill => Changed(options, skill, "shuffled", Shuffled)).ConfigureAwait(false);
        foreach (float scale in new[] { 0.5f, 1.5f, 2f })
        {
            string name = scale.ToString(CultureInfo.InvariantCulture);
            await Row($"1 + {name}·(z − 1)", skill => Changed(options, skill, "scaled-" + name, expert => Map(expert, (_, z) => 1 + scale * (z - 1)))).ConfigureAwait(false);
        }
        foreach (string weights in new[] { "attention", "all" })
            await Row($"likelihood, z on {weights}", skill => Existing($"svf-next-{weights}-{skill.Name}", options.Model, options.Ablation(skill.Name, weights))).ConfigureAwait(false);
        await Row("likelihood, z on mlp", skill => Existing($"svf-next-{skill.Name}", options.Model, options.NextTokenExpert(skill.Name))).ConfigureAwait(false);
        foreach (var type in new[] { TensorType.Q8_0, TensorType.Q4_K })
        {
            string model = Quantised(options, type);
            await Row($"base as {type}", skill => new Measurement.Answerer($"base-{type}", model)).ConfigureAwait(false);
            await Row($"expert of F16 on {type}", skill => Policy(options, skill) with { Name = $"svf-policy-{skill.Name}-on-{type}", Model = model }).ConfigureAwait(false);
        }
        return ResultTables.Matrix(rows, [.. latent.Select(static skill => skill.Name)], based);
    }

    private static IEnumerable<(string Title, IEnumerable<(Skill Skill, Measurement.Answerer System)> Systems)> Families(RecipeOptions options)
    {
        IEnumerable<(Skill, Measurement.Answerer)> Of(Func<Skill, Measurement.Answerer?> system) =>
            SkillSet.WithExpert.Select(skill => (skill, system(skill))).Where(static pair => pair.Item2 is not null).Select(static pair => (pair.skill, pair.Item2!));
        yield return ("SVF, policy gradient", Of(skill => Existing($"svf-policy-{skill.Name}", options.Model, options.Expert(skill.Name))));
        yield return ("SVF, next-token", Of(skill => Existing($"svf-next-{skill.Name}", options.Model, options.NextTokenExpert(skill.Name))));
        yield return ("LoRA", Of(skill => File.Exists(options.Lora(skill.Name)) ? new Measurement.Answerer($"lora-{skill.Name}", options.Model, null, options.Lora(skill.Name)) : null));
    }

    private static Measurement.Answerer Policy(RecipeOptions options, Skill skill) => Existing($"svf-policy-{skill.Name}", options.Model, options.Expert(skill.Name))!;

    private static Measurement.Answerer? Classifier(RecipeOptions options) => Existing("classifier", options.Model, options.Classifier);

    private static Measurement.Answerer? Existing(string name, string model, string expert) => File.Exists(expert) ? new(name, model, Expert.Load(expert)) : null;

    private static Measurement.Answerer Changed(RecipeOptions options, Skill skill, string how, Func<Expert, Expert> change)
    {
        var system = Policy(options, skill);
        return system with { Name = $"{system.Name}-{how}", Expert = change(system.Expert!) };
    }

    private static Expert Shuffled(Expert expert)
    {
        var random = new Random(1);
        return Replace(expert, expert.Vectors.Select(pair =>
        {
            float[] z = pair.Value.ToArray();
            random.Shuffle(z);
            return new KeyValuePair<string, ReadOnlyMemory<float>>(pair.Key, z);
        }));
    }

    private static Expert Map(Expert expert, Func<string, float, float> change) => Replace(expert, expert.Vectors.Select(pair =>
        new KeyValuePair<string, ReadOnlyMemory<float>>(pair.Key, pair.Value.ToArray().Select(z => change(pair.Key, z)).ToArray())));

    private static Expert Replace(Expert expert, IEnumerable<KeyValuePair<string, ReadOnlyMemory<float>>> vectors) =>
        new(expert.Name, expert.Architecture, expert.BaseFingerprint, vectors, expert.Description);

    /// <summary>The base with its matrices in a quantised type; made once.</summary>
    private static string Quantised(RecipeOptions options, TensorType type)
    {
        string path = Path.Combine(options.Work, $"t2-mini-{type}.gguf");
        if (!File.Exists(path))
        {
            using var source = GgufFile.Open(options.Model);
            TrainingModel.Load(source).WriteGguf(path, source.Metadata, _ => type);
        }
        return path;
    }
}
