using T2.Gguf.Experts;

namespace T2.Training;

/// <summary>Experts from the few numbers that stand for them.</summary>
internal sealed class CandidateFactory(SpectrumGroups groups, string architecture, string fingerprint)
{
    /// <summary>How many numbers.</summary>
    internal int Count => groups.Count;

    internal Expert Make(ReadOnlySpan<double> theta) => new("in search", architecture, fingerprint, groups.Expand(theta));

    internal Expert Make(ReadOnlySpan<double> theta, AdapterFacts facts) =>
        new(facts.Name, architecture, fingerprint, groups.Expand(theta), facts.Description, facts.Task, facts.Training, facts.Details);
}
