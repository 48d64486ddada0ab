using T2.Tasks;

namespace T2.Training.Tests;

public sealed class TaskSplitTests
{
    [Fact]
    public void What_is_held_out_is_not_trained_on()
    {
        var split = TaskSplit.HoldOut(TaskOf(100), 0.2, 1000, seed: 3);
        Assert.Equal(20, split.Validation.Items.Count);
        Assert.Equal(80, split.Training.Items.Count);
        Assert.Empty(split.Training.Items.Select(static item => item.Prompt).Intersect(split.Validation.Items.Select(static item => item.Prompt)));
    }

    [Fact]
    public void The_seed_decides_what_is_held_out()
    {
        string[] Held(ulong seed) => [.. TaskSplit.HoldOut(TaskOf(100), 0.2, 1000, seed).Validation.Items.Select(static item => item.Id)];
        Assert.Equal(Held(1), Held(1));
        Assert.NotEqual(Held(1), Held(2));
    }

    [Fact]
    public void A_question_asked_twice_is_never_on_both_sides()
    {
        var task = TaskOf(50);
        var twice = task with { Items = [.. task.Items, .. task.Items.Select(static item => item with { Id = item.Id + "'" })] };
        var split = TaskSplit.HoldOut(twice, 0.3, 1000, seed: 5);
        Assert.True(split.Shared > 0);
        Assert.Empty(split.Training.Items.Select(static item => item.Prompt).Intersect(split.Validation.Items.Select(static item => item.Prompt)));
    }

    [Fact]
    public void Validation_is_cut_to_what_was_asked_for()
    {
        Assert.Equal(7, TaskSplit.HoldOut(TaskOf(100), 0.5, 7, seed: 1).Validation.Items.Count);
        Assert.Equal(7, TaskSplit.With(TaskOf(100), TaskOf(100, from: 200), 7, seed: 1).Validation.Items.Count);
    }

    [Fact]
    public void An_anchor_leaves_out_what_either_side_asks()
    {
        var split = TaskSplit.HoldOut(TaskOf(100), 0.2, 1000, seed: 3);
        Assert.Equal(["After 100?", "After 101?"], split.LeaveOut(TaskOf(102)).Items.Select(static item => item.Prompt));
        Assert.Contains("is one of task 'counting'", Assert.Throws<TrainingException>(() => split.LeaveOut(TaskOf(100))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_task_without_questions_is_refused_by_name() =>
        Assert.Contains("'counting' has no questions", Assert.Throws<TrainingException>(() => TaskSplit.HoldOut(TaskOf(0), 0.1, 10, 1)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_validation_set_that_asks_everything_leaves_nothing_to_learn() =>
        Assert.Contains("nothing is left", Assert.Throws<TrainingException>(() => TaskSplit.With(TaskOf(5), TaskOf(9), 100, 1)).Message, StringComparison.Ordinal);

    private static TaskSet TaskOf(int count, int from = 0) =>
        new("counting", null, "exact", 4, [.. Enumerable.Range(from, count).Select(static n => new TaskItem($"{n}", $"After {n}?", $"{n + 1}"))]);
}
