using T2.Tasks;

namespace T2.Training;

/// <summary>The questions a run learns from and those it is judged by, which have no question in common.</summary>
/// <param name="Training">To learn from.</param>
/// <param name="Validation">To choose the best step by, and to stop early. Held out from training, but selected on: report results on a third set.</param>
/// <param name="Shared">Training questions left out because validation asks the same.</param>
public sealed record TaskSplit(TaskSet Training, TaskSet Validation, int Shared)
{
    /// <summary>Holds a part of a task out for validation.</summary>
    /// <param name="task">The task.</param>
    /// <param name="fraction">The part to hold out, in (0, 1).</param>
    /// <param name="most">The most questions to hold out, ≥ 1.</param>
    /// <param name="seed">Decides which.</param>
    /// <exception cref="TrainingException">The task is too small to split.</exception>
    public static TaskSplit HoldOut(TaskSet task, double fraction, int most, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (!(fraction > 0 && fraction < 1))
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "The part held out for validation must be between 0 and 1.");
        RequireItems(task, "task");
        if (task.Items.Count < 2)
            throw new TrainingException($"Task '{task.Name}' has one question; it takes at least two, one of them for validation.");
        int held = (int)Math.Clamp(Math.Round(task.Items.Count * fraction), 1, Math.Min(most, task.Items.Count - 1));
        int[] order = Seeds.Permutation(task.Items.Count, seed);
        var validation = order[..held].Order().Select(index => task.Items[index]).ToArray();
        var training = order[held..].Order().Select(index => task.Items[index]).ToArray();
        return Apart(task with { Items = training }, task with { Items = validation });
    }

    /// <summary>Judges by a set of its own.</summary>
    /// <param name="task">To learn from.</param>
    /// <param name="validation">To be judged by; of more than <paramref name="most"/> questions, some that <paramref name="seed"/> decides.</param>
    /// <param name="most">The most questions to validate with, ≥ 1.</param>
    /// <param name="seed">Decides which.</param>
    /// <exception cref="TrainingException">One of the two has no questions.</exception>
    public static TaskSplit With(TaskSet task, TaskSet validation, int most, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(validation);
        RequireItems(task, "task");
        RequireItems(validation, "validation set");
        if (validation.Items.Count > most)
            validation = validation with { Items = [.. Seeds.Permutation(validation.Items.Count, seed)[..most].Order().Select(index => validation.Items[index])] };
        return Apart(task, validation);
    }

    /// <summary>The questions of an anchor that neither side of the split asks: held to the base, those would be kept from being learnt.</summary>
    /// <param name="anchor">The anchor.</param>
    /// <exception cref="TrainingException">The anchor has no questions, or none of its own.</exception>
    public TaskSet LeaveOut(TaskSet anchor)
    {
        ArgumentNullException.ThrowIfNull(anchor);
        RequireItems(anchor, "anchor");
        var asked = Training.Items.Concat(Validation.Items).Select(Question).ToHashSet();
        TaskItem[] own = [.. anchor.Items.Where(item => !asked.Contains(Question(item)))];
        return own.Length > 0
            ? anchor with { Items = own }
            : throw new TrainingException($"Every question of the anchor '{anchor.Name}' is one of task '{Training.Name}': held to the base, it could not be learnt. An anchor asks what is not to change.");
    }

    private static TaskSplit Apart(TaskSet training, TaskSet validation)
    {
        var held = validation.Items.Select(Question).ToHashSet();
        TaskItem[] rest = [.. training.Items.Where(item => !held.Contains(Question(item)))];
        return rest.Length > 0
            ? new TaskSplit(training with { Items = rest }, validation, training.Items.Count - rest.Length)
            : throw new TrainingException($"Every question of task '{training.Name}' is asked in validation too; nothing is left to learn from.");
    }

    private static (string?, string) Question(TaskItem item) => (item.System, item.Prompt);

    private static void RequireItems(TaskSet task, string what)
    {
        if (task.Items.Count == 0)
            throw new TrainingException($"The {what} '{task.Name}' has no questions.");
    }
}
