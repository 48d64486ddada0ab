using System.Text;

namespace T2.Runtime;

/// <summary>The instruction of the paper's prompt strategy, with the labels taken from the expert library instead of from code.</summary>
internal static class DispatchPrompt
{
    /// <summary>What stands before the label in an answer (the paper's <c>\boxed{label}</c>).</summary>
    internal const string AnswerPrefix = "\\boxed{";

    /// <summary>What ends the label.</summary>
    internal const char AnswerSuffix = '}';

    internal static string SystemMessage(IReadOnlyList<ExpertLabel> labels)
    {
        var text = new StringBuilder("Classify the user's question by the skill it needs most. The classes are:\n");
        foreach (var label in labels)
            Line(text, label.Name, label.Description);
        Line(text, ExpertLibrary.Other, "anything that fits none of the classes above");
        text.Append("Do not answer the question. Reply with the name of one class only, in this form: ").Append(AnswerPrefix).Append(labels[0].Name).Append(AnswerSuffix);
        return text.ToString();
    }

    private static void Line(StringBuilder text, string name, string? description)
    {
        text.Append("- ").Append(name);
        if (!string.IsNullOrWhiteSpace(description))
            text.Append(": ").Append(description.Trim());
        text.Append('\n');
    }
}
