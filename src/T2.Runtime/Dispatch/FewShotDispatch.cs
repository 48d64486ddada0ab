using T2.Gguf.Experts;

namespace T2.Runtime;

/// <summary>The paper's few-shot strategy: weights found once per task (a search over mixtures) answer every prompt of it, without a first pass.</summary>
public sealed class FewShotDispatch(Expert? found) : IDispatchStrategy
{
    /// <inheritdoc/>
    public string Name => "fewshot";

    /// <inheritdoc/>
    public bool ReadsPrompt => false;

    /// <inheritdoc/>
    public DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation) =>
        new(found?.Name, 1, [], 0, found is null ? "the search ended on the base" : "found for the task") { Found = found };
}
