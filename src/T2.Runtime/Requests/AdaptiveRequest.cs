using T2.Gguf.Experts;

namespace T2.Runtime;

/// <summary>One of many prompts for <see cref="AdaptiveBatch"/>.</summary>
/// <param name="Request">The prompt and how to answer it.</param>
public sealed record AdaptiveRequest(BatchRequest Request)
{
    /// <summary>Which weights answer.</summary>
    public Adaptation Adaptation { get; init; } = Adaptation.Dispatch;

    /// <summary>How pass 1 decides, for this prompt; null = as the batch does.</summary>
    public IDispatchStrategy? Dispatch { get; init; }
}

/// <summary>The answer to one of many prompts.</summary>
/// <param name="Index">The request's place among those given, from 0.</param>
/// <param name="Request">The request.</param>
/// <param name="Answer">What was generated, or what went wrong (<see cref="BatchAnswer.Error"/>).</param>
/// <param name="Expert">The expert that answered; null = the base weights, or nothing did.</param>
/// <param name="Decision">What pass 1 decided; null if there was none.</param>
public sealed record AdaptiveAnswer(int Index, AdaptiveRequest Request, BatchAnswer Answer, Expert? Expert, DispatchDecision? Decision);

/// <summary>How an <see cref="AdaptiveBatch"/> works.</summary>
public sealed record AdaptiveBatchOptions
{
    /// <summary>How pass 1 decides.</summary>
    public IDispatchStrategy Dispatch { get; init; } = new ScoredChoiceDispatch();

    /// <summary>
    /// Requests that are dispatched together and grouped, at least 1. All of a window are answered before the next is read, so this bounds how many others a request
    /// can wait for, whichever expert it needs. Larger windows change the weights less often.
    /// </summary>
    public int Window { get; init; } = 256;

    /// <summary>Whether answers come in the order of the requests, each as soon as it and all before it are finished. Otherwise each comes when it is finished.</summary>
    public bool KeepOrder { get; init; } = true;

    /// <summary>How answers are generated.</summary>
    public BatchOptions Batch { get; init; } = new();

    /// <summary>Context length of pass 1 in tokens: instruction, question and labels.</summary>
    public int DispatchContextLength { get; init; } = 4096;
}
