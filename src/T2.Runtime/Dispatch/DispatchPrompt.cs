using System.Text;

namespace T2.Runtime;

/// <summary>
/// The instruction of the paper's prompt strategy, with the labels taken from the expert library instead of from code. Short, since every token of it that comes
/// after the labels is one that a small model must look past; it names no label in its example, which would favour that label.
/// </summary>
public static class DispatchPrompt
{
    /// <summary>What stands before the label in an answer (the paper's <c>\boxed{label}</c>).</summary>
    public const string AnswerPrefix = "\\boxed{";

    /// <summary>What ends the label.</summary>
    public const char AnswerSuffix = '}';

    /// <summary>The system message that asks for one of the labels or <see cref="ExpertLibrary.Other"/>.</summary>
    /// <param name="labels">The experts to choose from, in the order to name them, without "other".</param>
    public static string SystemMessage(IReadOnlyList<ExpertLabel> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        var text = new StringBuilder("Which skill does the message need?\n");
        foreach (var label in labels)
            Line(text, label.Name, label.Description);
        Line(text, ExpertLibrary.Other, "anything else");
        text.Append("Do not answer it. Reply only with ").Append(AnswerPrefix).Append("skill").Append(AnswerSuffix);
        return text.ToString();
    }

    /// <summary>The answer that names a label.</summary>
    public static string Answer(string label) => AnswerPrefix + label + AnswerSuffix;

    private static void Line(StringBuilder text, string name, string? description)
    {
        text.Append("- ").Append(name);
        if (!string.IsNullOrWhiteSpace(description))
            text.Append(": ").Append(description.Trim());
        text.Append('\n');
    }
}
