using System.Text.Json.Serialization;

namespace T2.Evaluation;

/// <summary>What an evaluation found.</summary>
/// <param name="Model">The model's file name.</param>
/// <param name="Fingerprint">Identifies its base weights.</param>
/// <param name="Settings">How answers were made: sampling, seed, chat format.</param>
/// <param name="Tasks">The tasks, in the order given.</param>
/// <param name="Strategies">The strategies, in the order given.</param>
/// <param name="Results">One per task and strategy.</param>
/// <param name="Dispatch">One per strategy that chose experts.</param>
/// <param name="Mixtures">What strategies that answer with a mixture mixed.</param>
public sealed partial record EvaluationReport(
    string Model,
    string Fingerprint,
    string Settings,
    IReadOnlyList<TaskSummary> Tasks,
    IReadOnlyList<string> Strategies,
    IReadOnlyList<TaskResult> Results,
    IReadOnlyList<DispatchResult> Dispatch,
    IReadOnlyList<MixtureSummary> Mixtures);

/// <summary>A task that was evaluated.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Items">Number of items.</param>
/// <param name="Verifier">What judged.</param>
/// <param name="Expert">The expert that dispatch should choose for it, or "other"; null when the task says nothing about that.</param>
public sealed record TaskSummary(string Name, int Items, string Verifier, string? Expert);

/// <summary>How a strategy did on a task.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Strategy">The strategy's name.</param>
/// <param name="Items">Items answered.</param>
/// <param name="Correct">Of these, right.</param>
/// <param name="Failed">Of these, failed: they could not be answered or judged, and count as wrong.</param>
/// <param name="Accuracy">Correct / items.</param>
/// <param name="Low">Lower end of the 95 % Wilson interval.</param>
/// <param name="High">Its upper end.</param>
/// <param name="Versus">Paired comparison with the base; null for the base itself, or without it.</param>
/// <param name="MeanTokens">Tokens generated per item.</param>
/// <param name="Pass1Seconds">Seconds spent choosing experts.</param>
/// <param name="RebuildSeconds">Seconds spent changing weights for pass 2.</param>
/// <param name="Pass2Seconds">Seconds spent answering.</param>
/// <param name="AnswersPerSecond">Items per second of all three.</param>
/// <param name="Experts">For dispatched answers: how often each expert, or "other", was chosen.</param>
/// <param name="Categories">Per category of the task; empty if it has none.</param>
public sealed record TaskResult(
    string Task, string Strategy, int Items, int Correct, int Failed, double Accuracy, double Low, double High, PairedTest? Versus, double MeanTokens,
    double Pass1Seconds, double RebuildSeconds, double Pass2Seconds, double AnswersPerSecond,
    IReadOnlyDictionary<string, int> Experts, IReadOnlyList<CategoryResult> Categories);

/// <summary>A part of a task.</summary>
/// <param name="Category">Its name.</param>
/// <param name="Items">Items answered.</param>
/// <param name="Correct">Of these, right.</param>
/// <param name="Low">Lower end of the 95 % Wilson interval.</param>
/// <param name="High">Its upper end.</param>
public sealed record CategoryResult(string Category, int Items, int Correct, double Low, double High);

/// <summary>A strategy against the base on the same items: McNemar's test.</summary>
/// <param name="OnlyBase">Items only the base got right.</param>
/// <param name="OnlyThis">Items only this strategy got right.</param>
/// <param name="P">Exact two-sided p.</param>
/// <param name="MidP">Mid-p.</param>
public sealed record PairedTest(int OnlyBase, int OnlyThis, double P, double MidP);

/// <summary>Which experts a strategy chose.</summary>
/// <param name="Strategy">The strategy's name.</param>
/// <param name="Rows">What was asked: tasks, or categories that are named after experts.</param>
/// <param name="Columns">What was chosen: the experts and "other".</param>
/// <param name="Counts">Items, by row and column.</param>
/// <param name="Expected">For each row the column that is right; −1 where none is.</param>
/// <param name="Decided">Items of rows with a right column.</param>
/// <param name="Right">Of these, dispatched rightly.</param>
/// <param name="Low">Lower end of the 95 % Wilson interval of the accuracy.</param>
/// <param name="High">Its upper end.</param>
public sealed record DispatchResult(
    string Strategy, IReadOnlyList<string> Rows, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<int>> Counts, IReadOnlyList<int> Expected,
    int Decided, int Right, double Low, double High);

/// <summary>A mixture's weights.</summary>
/// <param name="Strategy">The strategy that answers with it.</param>
/// <param name="Weights">α by expert; where each matrix has its own, their means. All zero is the base.</param>
/// <param name="Task">The task it is for; null = all of them.</param>
/// <param name="Search">How it was found, as its file says; null for one that was not searched for.</param>
public sealed record MixtureSummary(string Strategy, IReadOnlyDictionary<string, double> Weights, string? Task = null, string? Search = null)
{
    /// <summary>What tables and pictures call it.</summary>
    [JsonIgnore]
    public string Title => Task is null ? Strategy : $"{Strategy}: {Task}";
}
