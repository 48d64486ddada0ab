using System.Globalization;
using System.Text;
using T2.Tasks;

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
        List<TaskSet> all = [.. skills, .. UnseenTasks.All.Select(task => TaskSet.Load(options.Data(task.Name + ".test")))];
        var dispatch = TaskSet.Load(options.Data(DataSets.Dispatch + ".test"));
        var families = Families.All(options).ToList();
        var ablations = Ablations.Rows(options).ToList();
        var @base = new Measurement.Answerer("base", options.Model);
        var classifier = Families.Classifier(options);

        List<(Measurement.Answerer, IReadOnlyList<TaskSet>)> work = [(@base, [.. all, dispatch])];
        if (classifier is not null)
            work.Add((classifier, [dispatch]));
        work.AddRange(families.SelectMany(family => family.Systems.Select(pair => (pair.System, (IReadOnlyList<TaskSet>)(family.Principal ? all : skills)))));
        work.AddRange(ablations.SelectMany(static row => row.Systems).Select(pair => (pair.System, (IReadOnlyList<TaskSet>)[skills.Single(task => task.Name == pair.Skill.Name)])));
        await measurement.PrepareAsync(work, cancellation).ConfigureAwait(false);

        var based = await measurement.VerdictsAsync(@base, all, cancellation).ConfigureAwait(false);
        List<(string Title, IReadOnlyDictionary<string, bool[]> Verdicts)> rows = [("base", based)];
        var changes = new StringBuilder("| | values | on its own task | on the other latent skills |\n|---|---|---|---|\n");
        foreach (var family in families.Where(static family => family.Systems.Count > 0))
        {
            var gains = new List<double>();
            var others = new List<double>();
            foreach (var (skill, system) in family.Systems)
            {
                var verdicts = await measurement.VerdictsAsync(system, family.Principal ? all : skills, cancellation).ConfigureAwait(false);
                if (family.Principal)
                    rows.Add(($"{family.Title}: {skill.Name}", verdicts));
                if (!SkillSet.Latent.Contains(skill))
                    continue;
                foreach (var other in SkillSet.Latent)
                    (other == skill ? gains : others).Add(100 * (Share(verdicts[other.Name]) - Share(based[other.Name])));
            }
            changes.Append(CultureInfo.InvariantCulture, $"| {family.Title} | {family.Systems[0].System.ParameterCount:N0} | {gains.Average():+0.0;−0.0} | {others.Average():+0.0;−0.0} |\n");
        }

        var report = new StringBuilder();
        report.Append("## Each on each\n\n").Append(ResultTables.Matrix(rows, [.. skills.Select(static task => task.Name)], based));
        report.Append("\n## Gain and harm, points on average over the latent skills\n\n").Append(changes);
        report.Append("\n## Unseen tasks\n\n").Append(ResultTables.Matrix(rows, [.. UnseenTasks.All.Select(static task => task.Name)], based));
        report.Append("\n## Ablations, each expert on its own task\n\n").Append(await AblationTableAsync(measurement, ablations, skills, based, cancellation).ConfigureAwait(false));
        report.Append("\n## Labels generated under the dispatch prompt\n\n");
        var labelled = await measurement.VerdictsAsync(@base, [dispatch], cancellation).ConfigureAwait(false);
        List<(string, IReadOnlyDictionary<string, bool[]>)> labels = [("base", labelled)];
        if (classifier is not null)
            labels.Add(("classification expert", await measurement.VerdictsAsync(classifier, [dispatch], cancellation).ConfigureAwait(false)));
        report.Append(ResultTables.Matrix(labels, [DataSets.Dispatch], labelled));
        await File.WriteAllTextAsync(Path.Combine(options.Work, "tables.md"), report.ToString(), cancellation).ConfigureAwait(false);
        log.WriteLine(report);
    }

    private static async Task<string> AblationTableAsync(
        Measurement measurement, List<Families.Row> ablations, List<TaskSet> skills, IReadOnlyDictionary<string, bool[]> based, CancellationToken cancellation)
    {
        var rows = new List<(string Title, IReadOnlyDictionary<string, bool[]> Verdicts)> { ("base", based) };
        foreach (var ablation in ablations.Where(static row => row.Systems.Count > 0))
        {
            var verdicts = new Dictionary<string, bool[]>(StringComparer.Ordinal);
            foreach (var (skill, system) in ablation.Systems)
                verdicts[skill.Name] = (await measurement.VerdictsAsync(system, [skills.Single(task => task.Name == skill.Name)], cancellation).ConfigureAwait(false))[skill.Name];
            rows.Add((ablation.Title, verdicts));
        }
        return ResultTables.Matrix(rows, [.. SkillSet.Latent.Select(static skill => skill.Name)], based);
    }

    private static double Share(bool[] verdicts) => verdicts.Average(static right => right ? 1.0 : 0);
}
