using System.Globalization;
using System.Text;
using T2.Runtime;

namespace T2.Recipes;

/// <summary>Strategies across, tasks down: accuracies with intervals and stars against the base, then where a strategy beats the base on an unseen task.</summary>
internal sealed class StrategyTable(IReadOnlyList<string> dispatchers)
{
    private readonly List<(string Task, Row Row, bool IsUnseen)> _rows = [];

    /// <summary>Verdicts on a task.</summary>
    /// <param name="Experts">By expert; "other" has the base's.</param>
    /// <param name="Loras">By the skill they were trained for.</param>
    /// <param name="Dispatched">Of each dispatcher.</param>
    /// <param name="FewShot">Of the mixture found for the task.</param>
    /// <param name="Uniform">Of all experts in equal shares.</param>
    public sealed record Row(
        IReadOnlyDictionary<string, bool[]> Experts, IReadOnlyDictionary<string, bool[]> Loras, IReadOnlyList<bool[]> Dispatched, bool[] FewShot, bool[] Uniform)
    {
        /// <summary>The base's verdicts.</summary>
        public bool[] Base => Experts[ExpertLibrary.Other];
    }

    /// <summary>Adds a task.</summary>
    public void Add(string task, Row row, bool isUnseen) => _rows.Add((task, row, isUnseen));

    /// <summary>The tables as Markdown.</summary>
    public string Write()
    {
        var text = new StringBuilder();
        text.Append("Skills:\n\n").Append(Table(false)).Append("\nUnseen tasks:\n\n").Append(Table(true)).Append('\n');
        foreach (var (title, verdicts) in Fair())
        {
            var above = _rows.Where(row => row.IsUnseen).Select(row => (row.Task, Gain: Gain(verdicts(row.Row), row.Row.Base), P: ResultTables.PValue(verdicts(row.Row), row.Row.Base)))
                .Where(static one => one is { Gain: > 0, P: < 0.01 }).ToList();
            var below = _rows.Where(row => row.IsUnseen).Where(row => Gain(verdicts(row.Row), row.Row.Base) < 0 && ResultTables.PValue(verdicts(row.Row), row.Row.Base) < 0.01).Select(static row => row.Task).ToList();
            text.Append("- ").Append(title).Append(": above the base with p < 0.01 on ").Append(above.Count == 0 ? "no unseen task" : string.Join(", ", above.Select(static one =>
                string.Create(CultureInfo.InvariantCulture, $"{one.Task} ({one.Gain:+0.0}, p = {one.P:0e+0})"))));
            text.Append(below.Count == 0 ? ".\n" : $"; below it on {string.Join(", ", below)}.\n");
        }
        return text.ToString();
    }

    /// <summary>The strategies that choose without the test set's answers.</summary>
    private IEnumerable<(string Title, Func<Row, bool[]> Verdicts)> Fair()
    {
        for (int index = 0; index < dispatchers.Count; index++)
        {
            int which = index;
            yield return (dispatchers[which], row => row.Dispatched[which]);
        }
        yield return ("few-shot", static row => row.FewShot);
        yield return ("uniform", static row => row.Uniform);
    }

    private string Table(bool unseen)
    {
        var text = new StringBuilder("| | base | LoRA of the kin skill | best LoRA (oracle) |");
        var fair = Fair().ToList();
        text.Append(string.Concat(fair.Select(static one => $" {one.Title} |"))).Append(" expert of the kin skill | best expert (oracle) |\n|---|").Append(string.Concat(Enumerable.Repeat("---|", fair.Count + 5))).Append('\n');
        var all = new List<(bool[] Base, List<bool[]?> Cells)>();
        foreach (var (task, row, _) in _rows.Where(row => row.IsUnseen == unseen))
        {
            string kin = AdaptationTasks.KinOf(task);
            var (lora, bestLora) = Best(row.Loras);
            var (expert, bestExpert) = Best(row.Experts.Where(static pair => pair.Key != ExpertLibrary.Other));
            List<bool[]?> cells = [row.Base, row.Loras.GetValueOrDefault(kin), bestLora, .. fair.Select(one => one.Verdicts(row)), row.Experts.GetValueOrDefault(kin), bestExpert];
            all.Add((row.Base, cells));
            Line(text, task, cells, row.Base, index => index == 2 ? lora : index == cells.Count - 1 ? expert : null);
        }
        if (all.Count > 1)
        {
            bool[] reference = [.. all.SelectMany(static row => row.Base)];
            var cells = Enumerable.Range(0, all[0].Cells.Count)
                .Select(index => all.All(row => row.Cells[index] is not null) ? all.SelectMany(row => row.Cells[index]!).ToArray() : null).ToList();
            Line(text, "together", cells, reference, static _ => null);
        }
        return text.ToString();
    }

    private static void Line(StringBuilder text, string title, List<bool[]?> cells, bool[] reference, Func<int, string?> note)
    {
        text.Append("| ").Append(title).Append(" |");
        for (int index = 0; index < cells.Count; index++)
            text.Append(cells[index] is { } right ? $" {ResultTables.Cell(right, reference)}{(note(index) is { } name ? " " + name : "")} |" : " |");
        text.Append('\n');
    }

    private static (string? Name, bool[]? Verdicts) Best(IEnumerable<KeyValuePair<string, bool[]>> systems) =>
        systems.OrderByDescending(static pair => pair.Value.Count(static right => right)).Select(static pair => ((string?)pair.Key, (bool[]?)pair.Value)).FirstOrDefault();

    private static double Gain(bool[] right, bool[] reference) => 100.0 * (right.Count(static one => one) - reference.Count(static one => one)) / right.Length;
}
