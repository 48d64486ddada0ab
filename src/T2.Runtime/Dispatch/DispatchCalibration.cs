namespace T2.Runtime;

/// <summary>
/// Makes a scored choice's confidence mean what it says, by temperature scaling (Guo et al. 2017): one T > 0 for all labels, found on labelled prompts, under which
/// the probabilities predict the labels best. It changes how sure a choice is, never which label it is.
/// </summary>
public static class DispatchCalibration
{
    /// <summary>Finds the temperature of least mean −log p(label), within 1/20 and 20.</summary>
    /// <param name="decisions">Decisions made at temperature 1, each with the label that was right ("other" included).</param>
    /// <exception cref="ArgumentException">There are none, or one lacks its label among its scores.</exception>
    public static double FitTemperature(IReadOnlyList<(DispatchDecision Decision, string Label)> decisions)
    {
        ArgumentNullException.ThrowIfNull(decisions);
        if (decisions.Count == 0)
            throw new ArgumentException("A temperature needs labelled decisions.", nameof(decisions));
        var scores = decisions.Select(static one => Logarithms(one.Decision, one.Label)).ToArray();
        // The mean is convex in 1/T, so narrowing by the golden section finds its one minimum.
        double ratio = (Math.Sqrt(5) - 1) / 2;
        double low = 1.0 / 20, high = 20;
        while (high - low > 1e-9 * high)
        {
            double left = high - ratio * (high - low), right = low + ratio * (high - low);
            if (Loss(scores, left) <= Loss(scores, right))
                high = right;
            else
                low = left;
        }
        return 2 / (low + high);
    }

    /// <summary>Expected calibration error: the mean distance between confidence and share of right choices over bins of confidence, weighted by their size.</summary>
    /// <param name="decisions">Decisions, each with the label that was right.</param>
    /// <param name="bins">Bins of equal width, at least 1.</param>
    public static double ExpectedError(IReadOnlyList<(DispatchDecision Decision, string Label)> decisions, int bins = 10)
    {
        ArgumentNullException.ThrowIfNull(decisions);
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        return decisions
            .GroupBy(one => Math.Min((int)(one.Decision.Confidence * bins), bins - 1))
            .Sum(bin => Math.Abs(bin.Sum(static one => one.Decision.Confidence - (IsRight(one.Decision, one.Label) ? 1 : 0)))) / Math.Max(decisions.Count, 1);
    }

    /// <summary>Whether the likeliest label was the right one, sure enough or not.</summary>
    public static bool IsRight(DispatchDecision decision, string label)
    {
        ArgumentNullException.ThrowIfNull(decision);
        return string.Equals(decision.Scores.Count > 0 ? decision.Scores[0].Label : decision.Expert ?? ExpertLibrary.Other, label, StringComparison.OrdinalIgnoreCase);
    }

    private static (double[] Logarithms, int Right) Logarithms(DispatchDecision decision, string label)
    {
        int right = decision.Scores.ToList().FindIndex(score => string.Equals(score.Label, label, StringComparison.OrdinalIgnoreCase));
        if (right < 0)
            throw new ArgumentException($"A decision has no score for '{label}'; it has {string.Join(", ", decision.Scores.Select(static score => score.Label))}.", nameof(decision));
        // A probability that underflowed is as unlikely as a double can say.
        return ([.. decision.Scores.Select(static score => Math.Log(Math.Max(score.Probability, double.Epsilon)))], right);
    }

    private static double Loss((double[] Logarithms, int Right)[] scores, double inverse) => scores.Average(one =>
    {
        double highest = one.Logarithms.Max();
        return Math.Log(one.Logarithms.Sum(value => Math.Exp((value - highest) * inverse))) - (one.Logarithms[one.Right] - highest) * inverse;
    });
}
