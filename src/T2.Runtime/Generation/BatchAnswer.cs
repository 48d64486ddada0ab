namespace T2.Runtime;

/// <summary>The answer to one of many prompts.</summary>
/// <param name="Index">The request's place among those given, from 0.</param>
/// <param name="Request">The request.</param>
/// <param name="PromptTokens">The prompt as it was decoded; empty if it could not be tokenised.</param>
/// <param name="Tokens">What was generated, with the token that ended it where one did.</param>
/// <param name="Text">The same as text, without the token that ended it.</param>
/// <param name="FinishReason">
/// <see cref="Stop"/>, <see cref="Length"/>, <see cref="Context"/>, or <see cref="ErrorPrefix"/> and what went wrong: then the text is as far as it came.
/// </param>
public sealed record BatchAnswer(int Index, BatchRequest Request, IReadOnlyList<int> PromptTokens, IReadOnlyList<int> Tokens, string Text, string FinishReason)
{
    /// <summary>The model said that it was done.</summary>
    public const string Stop = "stop";

    /// <summary><see cref="BatchRequest.MaxTokens"/> was reached.</summary>
    public const string Length = "length";

    /// <summary>The context is full.</summary>
    public const string Context = "context";

    /// <summary>How the reason of an answer that failed begins.</summary>
    public const string ErrorPrefix = "error: ";

    /// <summary>What went wrong; null if nothing did.</summary>
    public string? Error => FinishReason.StartsWith(ErrorPrefix, StringComparison.Ordinal) ? FinishReason[ErrorPrefix.Length..] : null;
}
