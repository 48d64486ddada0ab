using System.Text;

namespace T2.Llama;

/// <summary>No place that was searched holds a llama.cpp library that can be loaded.</summary>
public sealed class LlamaLibraryNotFoundException : LlamaException
{
    internal LlamaLibraryNotFoundException(IReadOnlyList<LlamaLoadAttempt> attempts, Exception? innerException = null)
        : base(Describe(attempts), innerException) => Attempts = attempts;

    /// <summary>Every place that was tried, in order, and why it did not do.</summary>
    public IReadOnlyList<LlamaLoadAttempt> Attempts { get; }

    private static string Describe(IReadOnlyList<LlamaLoadAttempt> attempts)
    {
        var text = new StringBuilder("No usable llama.cpp library was found. Tried:");
        foreach (LlamaLoadAttempt attempt in attempts)
            text.AppendLine().Append("  ").Append(attempt.Path).Append(": ").Append(attempt.Reason);
        text.AppendLine().Append($"Build T2 with npm installed, or name the library's file or folder in {LlamaLibrary.EnvironmentVariable}.");
        return text.ToString();
    }
}

/// <summary>One place where the llama.cpp library was looked for.</summary>
/// <param name="Path">The file or folder.</param>
/// <param name="Reason">Why it could not be used.</param>
public sealed record LlamaLoadAttempt(string Path, string Reason);
