namespace T2.Runtime;

/// <summary>The stages of answering a prompt, in order.</summary>
public enum Stage
{
    /// <summary>Waiting for other sessions of the model.</summary>
    Wait,

    /// <summary>Returning the weights to the base for pass 1, or putting them on the classifier.</summary>
    Reset,

    /// <summary>Pass 1: deciding which expert the prompt needs.</summary>
    Dispatch,

    /// <summary>Computing factors the sidecar lacked; once per model.</summary>
    Factor,

    /// <summary>Rebuilding the weights in place.</summary>
    Rebuild,

    /// <summary>Decoding the prompt under the rebuilt weights.</summary>
    Prefill,

    /// <summary>Generating the answer.</summary>
    Decode,
}

/// <summary>One finished stage.</summary>
/// <param name="Stage">Which.</param>
/// <param name="Elapsed">Wall time.</param>
/// <param name="Tokens">Tokens decoded in it, where that means something.</param>
/// <param name="Detail">What came of it, for a person.</param>
public sealed record StageReport(Stage Stage, TimeSpan Elapsed, int Tokens, string Detail);

/// <summary>Why an answer ended.</summary>
public enum StopReason
{
    /// <summary>The model said it was done.</summary>
    EndOfGeneration,

    /// <summary><see cref="AskOptions.MaxTokens"/> was reached.</summary>
    MaxTokens,

    /// <summary>The context is full.</summary>
    ContextFull,
}

/// <summary>How a prompt was answered.</summary>
/// <param name="Expert">Name of the expert or mixture that answered; null = the base weights.</param>
/// <param name="Decision">What pass 1 decided; null if there was none.</param>
/// <param name="Stages">The stages, in order.</param>
/// <param name="TimeToFirstToken">From the call to the first sampled token.</param>
/// <param name="PromptTokens">Tokens of the prompt in pass 2.</param>
/// <param name="GeneratedTokens">Tokens generated.</param>
/// <param name="StopReason">Why the answer ended.</param>
public sealed record AskReport(
    string? Expert,
    DispatchDecision? Decision,
    IReadOnlyList<StageReport> Stages,
    TimeSpan TimeToFirstToken,
    int PromptTokens,
    int GeneratedTokens,
    StopReason StopReason)
{
    /// <summary>What a person should know of the change of weights (<see cref="RebuildReport.Note"/>); null if there is nothing.</summary>
    public string? Note { get; init; }

    /// <summary>Time of a stage; zero if it did not run.</summary>
    public TimeSpan TimeOf(Stage stage) => Stages.FirstOrDefault(report => report.Stage == stage)?.Elapsed ?? TimeSpan.Zero;

    /// <summary>Generated tokens per second of the decode stage; 0 where nothing was decoded.</summary>
    public double TokensPerSecond => TimeOf(Stage.Decode) is { Ticks: > 0 } decode ? GeneratedTokens / decode.TotalSeconds : 0;
}
