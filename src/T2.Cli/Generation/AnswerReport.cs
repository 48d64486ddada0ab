using T2.Runtime;

namespace T2.Cli;

/// <summary>What <c>t2 run --json</c> writes for each answer.</summary>
/// <param name="Expert">The expert or mixture that answered; null = the base weights.</param>
/// <param name="Decision">What dispatch decided; null if it was not asked.</param>
internal sealed record AnswerReport(
    string Answer,
    string? Expert,
    DecisionReport? Decision,
    IReadOnlyList<AnswerStageReport> Stages,
    double TimeToFirstTokenMs,
    int PromptTokens,
    int GeneratedTokens,
    double TokensPerSecond,
    string StopReason,
    string Model,
    string Kernel)
{
    internal static AnswerReport Of(string answer, AskReport report, AdaptiveModel model) => new(
        answer,
        report.Expert,
        report.Decision is { } decision ? DecisionReport.Of(decision) : null,
        [.. report.Stages.Select(static stage => new AnswerStageReport(Name(stage.Stage), stage.Elapsed.TotalMilliseconds, stage.Tokens, stage.Detail))],
        report.TimeToFirstToken.TotalMilliseconds,
        report.PromptTokens,
        report.GeneratedTokens,
        report.TokensPerSecond,
        report.StopReason switch
        {
            Runtime.StopReason.EndOfGeneration => "end_of_generation",
            Runtime.StopReason.MaxTokens => "max_tokens",
            _ => "context_full",
        },
        model.File.Path,
        model.KernelName);

    /// <summary>A stage as reports call it.</summary>
    internal static string Name(Stage stage) => stage.ToString().ToLowerInvariant();
}

/// <summary>What dispatch decided.</summary>
/// <param name="Expert">The chosen expert; null = the base.</param>
internal sealed record DecisionReport(string? Expert, double Confidence, string Reason, int Tokens, IReadOnlyList<LabelReport> Scores)
{
    internal static DecisionReport Of(DispatchDecision decision) => new(
        decision.Expert,
        decision.Confidence,
        decision.Reason,
        decision.Tokens,
        [.. decision.Scores.Select(static score => new LabelReport(score.Label, score.Probability))]);
}

/// <summary>A label and its probability.</summary>
internal sealed record LabelReport(string Label, double Probability);

/// <summary>One stage of an answer.</summary>
internal sealed record AnswerStageReport(string Stage, double Ms, int Tokens, string Detail);
