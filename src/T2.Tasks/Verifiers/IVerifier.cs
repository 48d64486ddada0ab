namespace T2.Tasks;

/// <summary>Judges answers. Implementations are thread-safe.</summary>
public interface IVerifier
{
    /// <summary>Short name for reports.</summary>
    string Name { get; }

    /// <summary>Judges one answer. A wrong or unreadable answer is a verdict, not an exception.</summary>
    /// <param name="item">The question, with its right answer.</param>
    /// <param name="answer">What the model said, whole.</param>
    /// <param name="cancellation">Observed by verifiers that run something.</param>
    ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default);

    /// <summary>Why this verifier could never accept an answer to an item; null when it could.</summary>
    string? Misfit(TaskItem item) => null;
}
