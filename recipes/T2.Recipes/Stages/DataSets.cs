using System.Globalization;
using T2.Runtime;
using T2.Tasks;

namespace T2.Recipes;

/// <summary>The task files that experts are trained, chosen and measured with. Every question of a file is a different one.</summary>
internal static class DataSets
{
    /// <summary>Questions of a test set.</summary>
    public const int TestItems = 2000;

    private const int TrainingItems = 4000;

    private const int ValidationItems = 400;

    /// <summary>Questions of a sample that is shipped.</summary>
    private const int SampleItems = 200;

    /// <summary>Tokens of the longest <c>\boxed{label}</c> with its end, and one to spare.</summary>
    private const int LabelTokens = 6;

    /// <summary>Questions that an anchored expert's training holds in place.</summary>
    private const int AnchorItems = 2000;

    /// <summary>Name of the classification task.</summary>
    public const string Dispatch = "dispatch";

    /// <summary>Writes them all.</summary>
    public static void Write(RecipeOptions options, TextWriter log, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(options.Data(Dispatch))!);
        string samples = Path.Combine(options.Output, "tasks");
        Directory.CreateDirectory(samples);
        foreach (var (name, task) in All())
        {
            cancellation.ThrowIfCancellationRequested();
            task.Save(options.Data(name));
            if (name.EndsWith(".test", StringComparison.Ordinal))
                (task with { Items = [.. task.Items.Take(SampleItems)] }).Save(Path.Combine(samples, task.Name + ".jsonl"));
            log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {task.Items.Count} items"));
        }
    }

    /// <summary>Every data set by its file's name.</summary>
    public static IEnumerable<(string Name, TaskSet Task)> All()
    {
        int seed = 1000;
        foreach (var skill in SkillSet.WithExpert)
        {
            foreach (var (part, suffix, count) in Parts())
                yield return ($"{skill.Name}.{suffix}", OfSkill(skill, part, count, seed++));
        }
        seed = 1100;
        foreach (var skill in SkillSet.WithExpert)
            yield return ($"{skill.Name}.anchor", OfOthers(skill, AnchorItems, seed++));
        foreach (var unseen in UnseenTasks.All)
            yield return ($"{unseen.Name}.test", OfUnseen(unseen, TestItems, unseen.Seed));
        seed = 1019;
        foreach (var (part, suffix, count) in Parts())
            yield return ($"{Dispatch}.{suffix}", Classification(part, count, seed++));
    }

    /// <summary>Share of messages for no skill that the classifier is trained and chosen with, besides their even share: they are what the base gets wrong.</summary>
    private const double OtherShare = 0.3;

    /// <summary>Questions of a skill.</summary>
    public static TaskSet OfSkill(Skill skill, Part part, int count, int seed) =>
        new(skill.Name, skill.Description, "exact", skill.MaxTokens, Distinct(count, new Random(seed), random =>
        {
            var question = Split.Draw(skill, part, random);
            return new TaskItem("", question.Prompt, question.Answer) { Category = skill.Name };
        }));

    /// <summary>Questions of everything but a skill, answered as the corpus does.</summary>
    private static TaskSet OfOthers(Skill skill, int count, int seed)
    {
        Skill[] others = [.. SkillSet.All.Where(other => other != skill)];
        // Not distinct: small talk has few questions.
        var random = new Random(seed);
        var items = Enumerable.Range(1, count).Select(number =>
        {
            var question = Split.Draw(others[random.Next(others.Length)], Part.Training, random);
            return new TaskItem(number.ToString(CultureInfo.InvariantCulture), question.Prompt, question.Written(random));
        });
        return new("not-" + skill.Name, "everything but " + skill.Description, "exact", SkillSet.Talk.MaxTokens, [.. items]);
    }

    private static TaskSet OfUnseen(UnseenTasks.Unseen unseen, int count, int seed) =>
        new(unseen.Name, unseen.Description, "exact", 8, Distinct(count, new Random(seed), random =>
        {
            var question = unseen.Draw(random);
            return new TaskItem("", question.Prompt, question.Answer);
        }));

    /// <summary>Questions with the label that dispatch should give them, all labels shown, in the order of a folder of experts: that of their names.</summary>
    private static TaskSet Classification(Part part, int count, int seed)
    {
        string system = DispatchText.SystemMessage(SkillSet.WithExpert.OrderBy(static skill => skill.Name, StringComparer.Ordinal));
        var random = new Random(seed);
        // Small talk has a few hundred questions in all, so an equal share of distinct ones is not to be had in the larger sets.
        return new(Dispatch, "which skill a question needs", "exact", LabelTokens, Distinct(count, random, random =>
        {
            bool other = part != Part.Test && random.NextDouble() < OtherShare;
            var skill = other ? SkillSet.Talk : SkillSet.All[random.Next(SkillSet.All.Count)];
            string prompt = skill is TalkSkill ? TalkSkill.DrawMessage(random, part) : Split.Draw(skill, part, random).Prompt;
            return new TaskItem("", prompt, DispatchPrompt.Answer(skill.Name)) { System = system, Category = skill.Name };
        }));
    }

    private static IEnumerable<(Part Part, string Suffix, int Count)> Parts() =>
        [(Part.Training, "train", TrainingItems), (Part.Validation, "valid", ValidationItems), (Part.Test, "test", TestItems)];

    /// <summary>Different questions, numbered. A source that runs dry (a small space) repeats itself rather than going on for ever.</summary>
    private static List<TaskItem> Distinct(int count, Random random, Func<Random, TaskItem> draw)
    {
        const int MostTries = 50;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var items = new List<TaskItem>(count);
        while (items.Count < count)
        {
            var item = draw(random);
            for (int tries = 0; tries < MostTries && seen.Contains(item.Prompt); tries++)
                item = draw(random);
            seen.Add(item.Prompt);
            items.Add(item with { Id = (items.Count + 1).ToString(CultureInfo.InvariantCulture) });
        }
        return items;
    }
}
