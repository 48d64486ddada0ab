using System.Globalization;
using System.Text.RegularExpressions;
using T2.Gguf.Experts;
using T2.Tasks;
using T2.TestKit;

namespace T2.Recipes.Tests;

public sealed class AdaptationEvidenceTests : IDisposable
{
    private const int Items = 6;

    private static readonly AdaptationSize s_tiny = new()
    {
        Items = Items,
        Tasks = ["arithmetic", "letters", "greeted-sum"],
        Shots = 2,
        Generations = 1,
        Population = 2,
        Elites = 2,
        ShotCounts = [1, 2],
        Budgets = [1, 2],
        Draws = 1,
        TimedPopulation = 2,
    };

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_unseen_task_is_kin_to_a_skill_that_has_an_expert()
    {
        string[] skills = [.. SkillSet.WithExpert.Select(static skill => skill.Name)];
        Assert.All(UnseenTasks.All, task => Assert.Contains(AdaptationTasks.KinOf(task.Name), skills));
        Assert.Throws<InvalidOperationException>(static () => AdaptationTasks.KinOf("juggling"));
    }

    [Fact]
    public void A_dispatched_answer_has_the_verdict_of_the_expert_it_was_given()
    {
        var verdicts = new Dictionary<string, bool[]> { ["a"] = [true, false, false], ["b"] = [false, true, false], ["other"] = [false, false, true] };
        Assert.Equal([true, true, true], DispatchChoices.Verdicts(["a", "b", "other"], verdicts));
        Assert.Equal([false, false, false], DispatchChoices.Verdicts(["b", "other", "a"], verdicts));
    }

    [Fact]
    public async Task All_tables_are_measured_and_a_second_run_measures_nothing_anew()
    {
        var options = Prepare();
        var log = new StringWriter();
        await AdaptationEvidence.RunAsync(options, s_tiny, log, CancellationToken.None);
        string report = File.ReadAllText(Path.Combine(options.Work, "adaptation.md"));
        foreach (string title in new[] { "Dispatch", "What each strategy buys", "Few-shot: examples and budget", "Transfer to a base of another seed", "What a candidate costs" })
            Assert.Contains($"## {title}\n", report, StringComparison.Ordinal);

        // The confusion matrices have every message once.
        var matrices = Regex.Matches(report, @"\*\*(?:prompt|cls)\*\*: \d+ of (\d+) right.*\n\n.*\n.*\n((?:\|.*\n)+)");
        Assert.Equal(2, matrices.Count);
        Assert.All(matrices, static matrix => Assert.Equal(
            Items, Regex.Matches(matrix.Groups[2].Value, @"(?<=\| )\d+(?= )").Sum(static cell => int.Parse(cell.Value, CultureInfo.InvariantCulture))));

        // The base's column is what the base's verdicts say.
        string verdicts = File.ReadAllText(Path.Combine(options.Work, "verdicts", "base.arithmetic.txt"));
        string expected = (100.0 * verdicts.Count(static verdict => verdict == '1') / Items).ToString("F1", CultureInfo.InvariantCulture);
        Assert.Contains($"| arithmetic | {expected} (", report, StringComparison.Ordinal);

        // The second base is the first here: experts carried over in order are the experts themselves, shuffled ones are not.
        string[] RowOf(string title) => Regex.Match(report, $@"\| {title} \|(.*)\n").Groups[1].Value.Split('|');
        Assert.Equal(RowOf("its expert"), RowOf("expert carried over, in order"));

        var again = new StringWriter();
        await AdaptationEvidence.RunAsync(options, s_tiny, again, CancellationToken.None);
        Assert.DoesNotContain(again.ToString().Split('\n'), static line => line.Contains(" dispatched in ", StringComparison.Ordinal) || line.Contains("ms a candidate", StringComparison.Ordinal) || line.EndsWith(" s", StringComparison.Ordinal));
        Assert.Contains(log.ToString().Split('\n'), static line => line.Contains(" dispatched in ", StringComparison.Ordinal));

        // Measurements of one expert must not stand in for another's.
        var skill = SkillSet.WithExpert[0];
        Expert.Load(options.Expert(skill.Name)).With(extra: new KeyValuePair<string, string>("t2.test", "another")).Save(options.Expert(skill.Name));
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => AdaptationEvidence.RunAsync(options, s_tiny, again, CancellationToken.None));
        Assert.Contains($"{skill.Name}.gguf", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>The shipped files, questions of a handful, and the base once more as the second.</summary>
    private RecipeOptions Prepare()
    {
        var options = new RecipeOptions { Work = _folder.File("work"), Output = _folder.File("out"), Threads = 1 };
        string shipped = Path.Combine(RepositoryRoot.Path, "models", "bundled");
        foreach (string file in Directory.EnumerateFiles(shipped, "*.gguf", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(options.Output, Path.GetRelativePath(shipped, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        Directory.CreateDirectory(Path.GetDirectoryName(options.SecondModel)!);
        File.Copy(options.Model, options.SecondModel);
        Directory.CreateDirectory(Path.GetDirectoryName(options.Data(""))!);
        foreach (var skill in SkillSet.WithExpert)
        {
            DataSets.OfSkill(skill, Part.Test, Items, 1).Save(options.Data(skill.Name + ".test"));
            DataSets.OfSkill(skill, Part.Validation, s_tiny.ShotsOfDraw, 2).Save(options.Data(skill.Name + ".valid"));
        }
        foreach (var task in UnseenTasks.All.Where(static task => s_tiny.Tasks!.Contains(task.Name)))
            new TaskSet(task.Name, task.Description, "exact", 8, [.. Questions(Items, new Random(1), task.Draw)]).Save(options.Data(task.Name + ".test"));
        var random = new Random(3);
        new TaskSet(DataSets.Dispatch, null, "exact", 6, [.. Questions(Items, random, static random => Split.Draw(SkillSet.WithExpert[0], Part.Test, random)).Select(static item => item with { Category = SkillSet.WithExpert[0].Name })])
            .Save(options.Data(DataSets.Dispatch + ".test"));
        return options;
    }

    private static IEnumerable<TaskItem> Questions(int count, Random random, Func<Random, Question> draw)
    {
        for (int number = 1; number <= count; number++)
        {
            var question = draw(random);
            yield return new TaskItem(number.ToString(CultureInfo.InvariantCulture), question.Prompt, question.Answer);
        }
    }
}
