namespace T2.Tasks;

/// <summary>Right is what equals the answer, white space around either aside.</summary>
public sealed class ExactVerifier : IVerifier
{
    /// <inheritdoc/>
    public string Name => "exact";

    /// <inheritdoc/>
    public ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentNullException.ThrowIfNull(answer);
        string said = answer.Trim();
        return new(new Verdict(said == item.Answer.Trim(), said, said.Length == 0 ? "the answer is empty" : null));
    }

    /// <inheritdoc/>
    public string? Misfit(TaskItem item) => item?.Answer.Trim().Length == 0 ? "its answer is empty." : null;
}
