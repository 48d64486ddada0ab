using System.CommandLine;

namespace T2.Cli;

/// <summary>A command whose help ends with examples.</summary>
internal sealed class DocumentedCommand(string name, string description) : Command(name, description)
{
    /// <summary>What each example does, and the line to type.</summary>
    internal IReadOnlyList<(string Purpose, string Line)> Examples { get; init; } = [];

    /// <summary>Text between the options and the examples; null = none.</summary>
    internal string? Notes { get; init; }
}
