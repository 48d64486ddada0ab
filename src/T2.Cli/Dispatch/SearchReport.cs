using T2.Runtime.Search;

namespace T2.Cli;

/// <summary>What <c>t2 search --json</c> writes. Accuracies are 0..1.</summary>
/// <param name="Output">The expert file.</param>
internal sealed record SearchReport(
    string Output,
    IReadOnlyList<ShareReport> Shares,
    double ShotAccuracy,
    double BaseShotAccuracy,
    double? ValidationAccuracy,
    double? BaseValidationAccuracy,
    int Generations,
    int Candidates,
    double CandidateMs,
    bool Mixed)
{
    internal static SearchReport Of(string output, FewShotResult result) => new(
        output,
        [.. result.Shares.Select(static share => new ShareReport(share.Expert, share.Share))],
        result.ShotAccuracy,
        result.BaseShotAccuracy,
        result.ValidationAccuracy,
        result.BaseValidationAccuracy,
        result.Generations,
        result.Candidates,
        result.CandidateTime.TotalMilliseconds,
        result.Mixed);
}

/// <summary>An expert's share in a mixture.</summary>
internal sealed record ShareReport(string Expert, double Share);
