using T2.Gguf.Experts;
using T2.Runtime;

namespace T2.Cli;

/// <summary>Dispatch that does all of its work and then takes one expert whatever came of it: what a first token costs must not depend on the model's taste.</summary>
/// <param name="inner">What does the work.</param>
/// <param name="next">The expert to answer with.</param>
internal sealed class FixedDispatch(IDispatchStrategy inner, Func<Expert> next) : IDispatchStrategy
{
    public string Name => inner.Name;

    public DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation)
    {
        var expert = next();
        return inner.Decide(reader, question, labels, cancellation) with { Expert = expert.Name, Found = expert };
    }
}
