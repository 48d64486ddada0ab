using System.Text;
using T2.Gguf;
using T2.Runtime;
using T2.Tasks;

namespace T2.Recipes;

/// <summary>Experts of the shipped base carried over to a base of another seed: each singular value's factor to the value of the same rank order, and, to compare, in random order.</summary>
internal sealed class TransferEvidence(RecipeOptions options, AdaptationSize size, AdaptationTasks tasks, Measurement measurement, MixtureSearches searches)
{
    /// <summary>What puts the vectors in random order.</summary>
    private const int ShuffleSeed = 1;

    /// <summary>The table: each task under the expert of its kin skill, and under what few-shot makes of all the experts that were carried over.</summary>
    public async Task<string> TableAsync(IReadOnlyList<(Skill Skill, Measurement.Answerer System)> experts, CancellationToken cancellation)
    {
        List<TaskSet> columns = [.. tasks.Skills.Concat(tasks.Studied).Where(task => experts.Any(pair => pair.Skill.Name == AdaptationTasks.KinOf(task.Name)))];
        var second = new Measurement.Answerer("second-base", options.SecondModel);
        var ordered = Carry(experts, null);
        var shuffled = Carry(experts, ShuffleSeed);
        var found = columns.ToDictionary(static task => task.Name, task => MixtureSearches.Search.For(
            "second-", options.SecondModel, [.. ordered.Values.Select(static system => system.Expert!)], tasks.Shots(task, 0), size.Shots, size.Generations, 0));
        await searches.PrepareAsync(found.Values, cancellation).ConfigureAwait(false);
        var mixtures = new Dictionary<string, Measurement.Answerer>(StringComparer.Ordinal);
        foreach (var (task, search) in found)
            mixtures[task] = new(search.Name, search.Model, await searches.FindAsync(search, cancellation).ConfigureAwait(false));

        (string Title, Func<TaskSet, Measurement.Answerer> System, bool OnFirst)[] rows =
        [
            ("base of the experts", _ => new("base", options.Model), true),
            ("its expert", task => experts.First(pair => pair.Skill.Name == AdaptationTasks.KinOf(task.Name)).System, true),
            ("second base", _ => second, false),
            ("expert carried over, in order", task => ordered[AdaptationTasks.KinOf(task.Name)], false),
            ("expert carried over, shuffled", task => shuffled[AdaptationTasks.KinOf(task.Name)], false),
            ("few-shot over those in order", task => mixtures[task.Name], false),
        ];
        await measurement.PrepareAsync(from row in rows from task in columns select (row.System(task), (IReadOnlyList<TaskSet>)[task]), cancellation).ConfigureAwait(false);
        var text = new StringBuilder("| |").AppendJoin("|", columns.Select(static task => $" {task.Name} ")).Append("|\n|---|").Append(string.Concat(columns.Select(static _ => "---|"))).Append('\n');
        foreach (var (title, system, onFirst) in rows)
        {
            text.Append("| ").Append(title).Append(" |");
            foreach (var task in columns)
            {
                bool[] reference = await OfAsync(onFirst ? rows[0].System(task) : second, task, cancellation).ConfigureAwait(false);
                text.Append(' ').Append(ResultTables.Cell(await OfAsync(system(task), task, cancellation).ConfigureAwait(false), reference)).Append(" |");
            }
            text.Append('\n');
        }
        text.Append("\nStars: against the base that the row is on. Shares that few-shot found:\n\n");
        return text.Append(AdaptationTables.Shares([.. columns.Select(task => (task.Name, mixtures[task.Name].Expert))], [.. experts.Select(static pair => pair.Skill.Name)])).ToString();
    }

    private Dictionary<string, Measurement.Answerer> Carry(IReadOnlyList<(Skill Skill, Measurement.Answerer System)> experts, int? shuffle)
    {
        using var file = GgufFile.Open(options.SecondModel);
        string fingerprint = WeightFingerprint.Compute(file);
        return experts.ToDictionary(static pair => pair.Skill.Name, pair => new Measurement.Answerer(
            $"second-{(shuffle is null ? "ordered" : "shuffled")}-{pair.Skill.Name}",
            options.SecondModel,
            ExpertTransfer.Apply(pair.System.Expert!, file, fingerprint, shuffleSeed: shuffle).Expert));
    }

    private async Task<bool[]> OfAsync(Measurement.Answerer system, TaskSet task, CancellationToken cancellation) =>
        (await measurement.VerdictsAsync(system, [task], cancellation).ConfigureAwait(false))[task.Name];
}
