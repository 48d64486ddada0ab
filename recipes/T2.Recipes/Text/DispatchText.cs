using T2.Runtime;

namespace T2.Recipes;

/// <summary>The dispatch prompt as the runtime itself writes it, so that the model is trained on what it will be shown.</summary>
internal static class DispatchText
{
    /// <summary>Messages that ask for nothing: the runtime scores one to find out which labels the model favours regardless.</summary>
    public static IReadOnlyList<string> Empty { get; } = ["", "N/A", "?"];

    /// <summary>The system message for these experts.</summary>
    public static string SystemMessage(IEnumerable<Skill> skills) => DispatchPrompt.SystemMessage([.. skills.Select(static skill => new ExpertLabel(skill.Name, skill.Description))]);
}
