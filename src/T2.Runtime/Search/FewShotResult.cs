using T2.Gguf.Experts;

namespace T2.Runtime.Search;

/// <summary>What a <see cref="FewShotSearch"/> found.</summary>
/// <param name="Found">The mixture; null = all shares ended at zero, which is the base.</param>
/// <param name="Shares">Each expert's share; where each weight has its own, their mean over the weights.</param>
/// <param name="ShotAccuracy">Shots the mixture answers right, 0..1. It was chosen by them, so it says little about others.</param>
/// <param name="BaseShotAccuracy">Shots the base answers right, 0..1.</param>
/// <param name="ValidationAccuracy">Items of the validation set it answers right, 0..1; null without such a set.</param>
/// <param name="BaseValidationAccuracy">The same for the base.</param>
/// <param name="Generations">Generations searched, those before an interruption included.</param>
/// <param name="Candidates">Candidates evaluated by this call.</param>
/// <param name="CandidateTime">Wall time of one candidate, on average over this call: change of weights, answers, scores, verdicts.</param>
/// <param name="Mixed">Whether candidates were sums of kept deltas; otherwise each was rebuilt.</param>
public sealed record FewShotResult(
    Expert? Found,
    IReadOnlyList<(string Expert, double Share)> Shares,
    double ShotAccuracy,
    double BaseShotAccuracy,
    double? ValidationAccuracy,
    double? BaseValidationAccuracy,
    int Generations,
    int Candidates,
    TimeSpan CandidateTime,
    bool Mixed);

/// <summary>A finished generation.</summary>
/// <param name="Generation">Its number, from 1.</param>
/// <param name="Generations">How many there will be.</param>
/// <param name="BestAccuracy">Shots the best candidate answers right, 0..1.</param>
/// <param name="MeanAccuracy">Mean over the candidates, 0..1.</param>
/// <param name="Shares">Each expert's share in the best candidate.</param>
public sealed record FewShotProgress(int Generation, int Generations, double BestAccuracy, double MeanAccuracy, IReadOnlyList<(string Expert, double Share)> Shares);
