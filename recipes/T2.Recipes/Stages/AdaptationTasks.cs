using System.Globalization;
using T2.Tasks;

namespace T2.Recipes;

/// <summary>The tasks that strategies are compared on, and examples of them to search by: none of these is a question of the test set.</summary>
internal sealed class AdaptationTasks
{
    /// <summary>The unseen tasks that numbers of examples and generations are compared on, and that experts are carried over for.</summary>
    private static readonly string[] s_studied = ["greeted-sum", "longer-program"];

    private static readonly Dictionary<string, string> s_kin = new(StringComparer.Ordinal)
    {
        ["coins"] = "arithmetic",
        ["two-digit-program"] = "program",
        ["queue-of-four"] = "ranking",
        ["digits-around"] = "letters",
        ["greeted-sum"] = "arithmetic",
        ["greeted-letters"] = "letters",
        ["remarked-sum"] = "arithmetic",
        ["remarked-program"] = "program",
        ["six-letters"] = "letters",
        ["longer-program"] = "program",
    };

    private readonly RecipeOptions _options;
    private readonly AdaptationSize _size;

    /// <summary>Reads the test sets.</summary>
    public AdaptationTasks(RecipeOptions options, AdaptationSize size)
    {
        _options = options;
        _size = size;
        Skills = [.. SkillSet.WithExpert.Select(static skill => skill.Name).Where(IsWanted).Select(Test)];
        Unseen = [.. UnseenTasks.All.Select(static task => task.Name).Where(IsWanted).Select(Test)];
        Dispatch = Test(DataSets.Dispatch);
    }

    /// <summary>The skills' own test sets.</summary>
    public IReadOnlyList<TaskSet> Skills { get; }

    /// <summary>The unseen tasks' test sets.</summary>
    public IReadOnlyList<TaskSet> Unseen { get; }

    /// <summary>Messages with the label that dispatch should give them as their category.</summary>
    public TaskSet Dispatch { get; }

    /// <summary>Skills and unseen tasks.</summary>
    public IEnumerable<TaskSet> All => Skills.Concat(Unseen);

    /// <summary>Those of the unseen tasks that are looked into.</summary>
    public IEnumerable<TaskSet> Studied => Unseen.Where(static task => s_studied.Contains(task.Name, StringComparer.Ordinal));

    /// <summary>The skill that a task needs most: what somebody who knows both would choose.</summary>
    public static string KinOf(string task) => SkillSet.WithExpert.Any(skill => skill.Name == task)
        ? task
        : s_kin.GetValueOrDefault(task) ?? throw new InvalidOperationException($"Nothing says which skill '{task}' is kin to.");

    /// <summary>Examples of a task: a skill's from its validation set, an unseen task's from its source.</summary>
    /// <param name="task">The test set.</param>
    /// <param name="draw">Which examples; different draws have different ones of a skill.</param>
    public TaskSet Shots(TaskSet task, int draw)
    {
        int count = _size.ShotsOfDraw;
        var unseen = UnseenTasks.All.FirstOrDefault(one => one.Name == task.Name);
        var items = unseen is null
            ? TaskSet.Load(_options.Data(task.Name + ".valid")).Items.Skip(draw * count).Take(count)
            : Draw(unseen, task, count, new Random(unseen.Seed * 1000 + draw));
        return task with { Items = [.. items] };
    }

    private static IEnumerable<TaskItem> Draw(UnseenTasks.Unseen source, TaskSet task, int count, Random random)
    {
        const int MostTries = 100_000;
        var seen = task.Items.Select(static item => item.Prompt).ToHashSet(StringComparer.Ordinal);
        for (int found = 0, tries = 0; found < count; tries++)
        {
            if (tries == MostTries)
                throw new InvalidOperationException($"'{task.Name}' has no {count} questions beside those of its test set.");
            var question = source.Draw(random);
            if (seen.Add(question.Prompt))
                yield return new TaskItem((++found).ToString(CultureInfo.InvariantCulture), question.Prompt, question.Answer);
        }
    }

    private bool IsWanted(string name) => _size.Tasks?.Contains(name, StringComparer.Ordinal) ?? true;

    private TaskSet Test(string name)
    {
        var task = TaskSet.Load(_options.Data(name + ".test"));
        return _size.Items is { } limit ? task with { Items = [.. task.Items.Take(limit)] } : task;
    }
}
