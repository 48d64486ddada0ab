namespace T2.Tasks;

/// <summary>What a count of right answers says, and whether two systems differ on the same items.</summary>
public static class Statistics
{
    /// <summary>
    /// Wilson's score interval for a proportion: (p̂ + z²/2n ± z·√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n), with z the two-sided normal quantile (Wilson 1927).
    /// </summary>
    /// <param name="successes">0..<paramref name="n"/>.</param>
    /// <param name="n">Trials; 0 gives (0, 1).</param>
    /// <param name="confidence">Strictly between 0 and 1.</param>
    public static (double Low, double High) WilsonInterval(int successes, int n, double confidence = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, n);
        if (!(confidence > 0 && confidence < 1))
            throw new ArgumentOutOfRangeException(nameof(confidence), confidence, "Must lie strictly between 0 and 1.");
        if (n == 0)
            return (0, 1);
        double z = NormalQuantile.Of(0.5 + (confidence / 2));
        double p = (double)successes / n;
        double z2 = z * z / n;
        double centre = p + (z2 / 2);
        double half = z * Math.Sqrt(((p * (1 - p)) + (z2 / 4)) / n);
        // At the ends the formula gives 0 and 1 but for rounding.
        double low = successes == 0 ? 0 : (centre - half) / (1 + z2);
        double high = successes == n ? 1 : (centre + half) / (1 + z2);
        return (low, high);
    }

    /// <summary>
    /// McNemar's exact two-sided test of "both are right equally often", from the items that just one of two systems got right:
    /// p = min(1, 2·P(X ≤ min(b, c))), X ~ Binomial(b + c, ½).
    /// </summary>
    /// <param name="onlyA">b, items only the first got right.</param>
    /// <param name="onlyB">c, items only the second got right.</param>
    /// <returns>The p-value; 1 when the systems never differ.</returns>
    public static double McNemarExact(int onlyA, int onlyB)
    {
        var (tail, _) = BinomialTail(onlyA, onlyB);
        return Math.Min(1, 2 * tail);
    }

    /// <summary>
    /// The mid-p form of <see cref="McNemarExact"/>, less conservative: 2·(P(X &lt; m) + ½P(X = m)), m = min(b, c); for b = c, 1 − ½P(X = m)
    /// (Fagerland, Lydersen, Laake 2013).
    /// </summary>
    /// <param name="onlyA">b, items only the first got right.</param>
    /// <param name="onlyB">c, items only the second got right.</param>
    public static double McNemarMidP(int onlyA, int onlyB)
    {
        var (tail, point) = BinomialTail(onlyA, onlyB);
        return onlyA == onlyB ? 1 - (point / 2) : Math.Min(1, (2 * tail) - point);
    }

    /// <summary>P(X ≤ m) and P(X = m) for X ~ Binomial(b + c, ½), m = min(b, c).</summary>
    private static (double Tail, double Point) BinomialTail(int onlyA, int onlyB)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(onlyA);
        ArgumentOutOfRangeException.ThrowIfNegative(onlyB);
        int n = checked(onlyA + onlyB);
        int m = Math.Min(onlyA, onlyB);
        // Systems that never differ: nothing speaks against their being equal.
        if (n == 0)
            return (1, 0);
        double logPoint = -n * Math.Log(2);
        for (int k = 1; k <= m; k++)
            logPoint += Math.Log((double)(n - k + 1) / k);
        // Downwards from the largest term: P(X = k − 1) = P(X = k)·k / (n − k + 1).
        double ratio = 1;
        double sum = 1;
        for (int k = m; k >= 1 && ratio > sum * 1e-18; k--)
        {
            ratio *= (double)k / (n - k + 1);
            sum += ratio;
        }
        double point = Math.Exp(logPoint);
        return (point * sum, point);
    }
}
