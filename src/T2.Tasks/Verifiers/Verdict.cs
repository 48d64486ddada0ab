namespace T2.Tasks;

/// <summary>What a verifier found.</summary>
/// <param name="Correct">Whether the answer is right.</param>
/// <param name="Extracted">What it took for the answer within the model's text; null when it found none.</param>
/// <param name="Problem">Why there is nothing to compare, or what went wrong judging; null when the answer could be judged.</param>
public readonly record struct Verdict(bool Correct, string? Extracted, string? Problem);
