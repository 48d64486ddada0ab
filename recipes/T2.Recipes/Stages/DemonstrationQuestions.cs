using T2.Gguf.Experts;
using T2.Tasks;

namespace T2.Recipes;

/// <summary>
/// What <c>t2 run</c> shows without a question: of each expert that gains on its validation set, the first question there that the base gets wrong and the
/// expert right. Chosen to show the difference; how often there is one is in the results.
/// </summary>
internal static class DemonstrationQuestions
{
    /// <summary>Chooses and writes them.</summary>
    public static void Write(RecipeOptions options, TextWriter log, CancellationToken cancellation) => WriteAsync(options, log, cancellation).GetAwaiter().GetResult();

    private static async Task WriteAsync(RecipeOptions options, TextWriter log, CancellationToken cancellation)
    {
        var measurement = new Measurement(options, log);
        var items = new List<TaskItem>();
        foreach (var skill in SkillSet.WithExpert)
        {
            var loaded = TaskSet.Load(options.Data(skill.Name + ".valid"));
            var task = loaded with { Name = skill.Name + "-validation" };
            var before = (await measurement.VerdictsAsync(new("base", options.Model), [task], cancellation).ConfigureAwait(false))[task.Name];
            var expert = new Measurement.Answerer($"svf-policy-{skill.Name}", options.Model, Expert.Load(options.Expert(skill.Name)));
            var after = (await measurement.VerdictsAsync(expert, [task], cancellation).ConfigureAwait(false))[task.Name];
            if (ResultTables.PValue(after, before) >= 0.001)
                continue;
            int first = Enumerable.Range(0, before.Length).First(at => after[at] && !before[at]);
            items.Add(task.Items[first] with { Id = skill.Name });
        }
        new TaskSet("demonstration", "what adaptation changes", "exact", 8, items).Save(Path.Combine(options.Output, "demonstration.jsonl"));
    }
}
