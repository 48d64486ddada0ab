namespace T2.Runtime;

/// <summary>What a call of <see cref="BatchGenerator.GenerateAsync"/> took.</summary>
/// <param name="Rebuild">Changing the weights.</param>
/// <param name="Answers">Answers given, failed ones included.</param>
/// <param name="PromptTokens">Tokens of all prompts.</param>
/// <param name="SharedTokens">Of these, tokens not computed anew because another prompt begins the same way.</param>
/// <param name="GeneratedTokens">Tokens generated.</param>
/// <param name="Decodes">Calls of llama.cpp.</param>
/// <param name="Decoding">Wall time of those calls.</param>
/// <param name="Elapsed">Wall time with the weights in place, from the first prompt to the last answer.</param>
public sealed record BatchReport(
    RebuildReport Rebuild, int Answers, long PromptTokens, long SharedTokens, long GeneratedTokens, int Decodes, TimeSpan Decoding, TimeSpan Elapsed);
