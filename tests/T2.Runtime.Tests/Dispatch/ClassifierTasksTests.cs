using T2.Tasks;

namespace T2.Runtime.Tests.Dispatch;

public sealed class ClassifierTasksTests
{
    private static readonly ExpertLabel[] s_labels = [new("math", "sums"), new("code", null)];

    [Fact]
    public void Parts_are_disjoint_stratified_and_ask_dispatchs_own_question()
    {
        var prompts = new[] { ("math", 40), ("code", 20), ("other", 10) }
            .SelectMany(static label => Enumerable.Range(0, label.Item2).Select(index => new LabelledPrompt($"{label.Item1} {index}", label.Item1)))
            .ToArray();
        var tasks = ClassifierTasks.Make([.. prompts, prompts[3]], s_labels, validation: 0.2, test: 0.1, seed: 5);
        Assert.Equal([49, 14, 7], new[] { tasks.Training, tasks.Validation, tasks.Test }.Select(static task => task.Items.Count));
        TaskItem[] all = [.. tasks.Training.Items, .. tasks.Validation.Items, .. tasks.Test.Items];
        Assert.Equal(prompts.Select(static prompt => prompt.Prompt).Order(StringComparer.Ordinal), all.Select(static item => item.Prompt).Order(StringComparer.Ordinal));
        foreach (var task in new[] { tasks.Training, tasks.Validation, tasks.Test })
            Assert.Equal(["code", "math", "other"], task.Items.Select(static item => item.Category!).Distinct().Order());
        foreach (var item in all)
        {
            Assert.Equal(DispatchPrompt.SystemMessage(s_labels), item.System);
            Assert.Equal("\\boxed{" + item.Prompt.Split(' ')[0] + "}", item.Answer);
        }
        Assert.Equal(
            tasks.Test.Items.Select(static item => item.Prompt),
            ClassifierTasks.Make(prompts, s_labels, 0.2, 0.1, seed: 5).Test.Items.Select(static item => item.Prompt));
    }

    [Fact]
    public void Labels_that_make_no_task_are_refused()
    {
        LabelledPrompt[] few = [new("a", "math"), new("b", "math"), new("c", "math")];
        Assert.Contains("poetry", Assert.Throws<ArgumentException>(() => ClassifierTasks.Make([.. few, new("d", "poetry")], s_labels)).Message, StringComparison.Ordinal);
        Assert.Contains("'a'", Assert.Throws<ArgumentException>(() => ClassifierTasks.Make([.. few, new("a", "code")], s_labels)).Message, StringComparison.Ordinal);
        Assert.Contains("3 at least", Assert.Throws<ArgumentException>(() => ClassifierTasks.Make(few[..2], s_labels)).Message, StringComparison.Ordinal);
        Assert.Contains("'code'", Assert.Throws<ArgumentException>(() => ClassifierTasks.Make(few, s_labels)).Message, StringComparison.Ordinal);
        Assert.Contains("'other'", Assert.Throws<ArgumentException>(() => ClassifierTasks.Make([.. few, .. few.Select(static prompt => new LabelledPrompt(prompt.Prompt + "!", "code"))], s_labels)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => ClassifierTasks.Make(few, s_labels, 0.5, 0.5));
    }
}
