using T2.Tasks;

namespace T2.Runtime;

/// <summary>
/// Makes what a classification expert is trained, chosen and judged on: tasks whose questions are dispatch's own prompt with a question, and whose answers name the
/// label as dispatch scores it. Training on them is ordinary training of an expert.
/// </summary>
/// <param name="Training">Questions to train on.</param>
/// <param name="Validation">Questions to choose the best step by.</param>
/// <param name="Test">Questions for the end, of use to nothing else.</param>
public sealed record ClassifierTasks(TaskSet Training, TaskSet Validation, TaskSet Test)
{
    /// <summary>Splits labelled prompts, every label in the same proportions, in an order that the seed decides. Prompts that appear twice are used once.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="labels">The experts dispatch will choose from, without "other", in their library's order.</param>
    /// <param name="validation">Part for validation, above 0.</param>
    /// <param name="test">Part for the test, above 0; at most 0.9 together with <paramref name="validation"/>.</param>
    /// <param name="seed">Decides which prompt goes where.</param>
    /// <exception cref="ArgumentException">A label is unknown, is given two ways for one prompt, or has too few prompts for three parts, or none.</exception>
    public static ClassifierTasks Make(
        IReadOnlyList<LabelledPrompt> prompts, IReadOnlyList<ExpertLabel> labels, double validation = 0.1, double test = 0.1, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(labels);
        if (!(validation > 0 && test > 0 && validation + test <= 0.9))
            throw new ArgumentOutOfRangeException(nameof(validation), validation, "Validation and test need a part each, and 0.9 together at most.");
        string[] names = [.. labels.Select(static label => label.Name), ExpertLibrary.Other];
        var parts = (Training: new List<LabelledPrompt>(), Validation: new List<LabelledPrompt>(), Test: new List<LabelledPrompt>());
        foreach (var group in Distinct(prompts, names).GroupBy(static prompt => prompt.Label))
        {
            LabelledPrompt[] own = [.. group];
            new Random(seed).Shuffle(own);
            int held = Math.Max(1, (int)(own.Length * validation)), tested = Math.Max(1, (int)(own.Length * test));
            if (own.Length < held + tested + 1)
                throw new ArgumentException($"Label '{group.Key}' has {own.Length} prompts; it needs 3 at least, one to train on, one to validate and one to test.", nameof(prompts));
            parts.Validation.AddRange(own[..held]);
            parts.Test.AddRange(own[held..(held + tested)]);
            parts.Training.AddRange(own[(held + tested)..]);
        }
        if (Array.Find(names, name => parts.Test.TrueForAll(prompt => prompt.Label != name)) is { } unseen)
        {
            throw new ArgumentException(
                ExpertLibrary.IsReserved(unseen)
                    ? $"No prompt is labelled '{unseen}'; what needs none of the experts must be seen to be told from what does."
                    : $"No prompt is labelled '{unseen}'; an expert that no prompt needs would never be chosen.",
                nameof(prompts));
        }
        string system = DispatchPrompt.SystemMessage(labels);
        return new ClassifierTasks(
            Task("dispatch-train", parts.Training, system, seed), Task("dispatch-valid", parts.Validation, system, seed), Task("dispatch-test", parts.Test, system, seed));
    }

    private static IEnumerable<LabelledPrompt> Distinct(IReadOnlyList<LabelledPrompt> prompts, string[] names)
    {
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var prompt in prompts)
        {
            string label = names.FirstOrDefault(name => string.Equals(name, prompt.Label, StringComparison.OrdinalIgnoreCase))
                ?? throw new ArgumentException($"'{prompt.Label}' is no expert's name; there are {string.Join(", ", names)}.", nameof(prompts));
            if (seen.TryAdd(prompt.Prompt, label))
                yield return prompt with { Label = label };
            else if (seen[prompt.Prompt] != label)
                throw new ArgumentException($"The prompt '{prompt.Prompt}' is labelled '{seen[prompt.Prompt]}' and '{label}'.", nameof(prompts));
        }
    }

    private static TaskSet Task(string name, List<LabelledPrompt> prompts, string system, int seed)
    {
        LabelledPrompt[] mixed = [.. prompts];
        new Random(seed).Shuffle(mixed);
        return new TaskSet(name, "which expert a question needs", "exact", 48, [.. mixed.Select((prompt, index) =>
            new TaskItem($"{index + 1}", prompt.Prompt, DispatchPrompt.Answer(prompt.Label)) { System = system, Category = prompt.Label })]);
    }
}
