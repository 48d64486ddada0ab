namespace T2.Cli;

/// <summary>
/// Random values addressed by (seed, weight, index) instead of drawn in order: the same formula gives the same expert on every machine and .NET version,
/// whatever weights it is applied to. splitmix64 (Steele, Lea and Flood 2014) over the address.
/// </summary>
internal static class SeededRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    /// <summary>Uniform in [0, 1).</summary>
    internal static double Uniform(double seed, in FormulaPoint point) => ToUnit(Bits(seed, point, 0));

    /// <summary>Standard normal, by Box and Muller.</summary>
    internal static double Normal(double seed, in FormulaPoint point)
    {
        // 1 − u is in (0, 1], where the logarithm is finite.
        double radius = Math.Sqrt(-2 * Math.Log(1 - ToUnit(Bits(seed, point, 1))));
        return radius * Math.Cos(2 * Math.PI * ToUnit(Bits(seed, point, 2)));
    }

    private static ulong Bits(double seed, in FormulaPoint point, ulong stream)
    {
        ulong state = Mix(BitConverter.DoubleToUInt64Bits(seed) + Golden * (stream + 1));
        state = Mix(state ^ point.WeightSeed);
        return Mix(state + Golden * ((ulong)point.Index + 1));
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    private static double ToUnit(ulong bits) => (bits >> 11) * (1.0 / (1UL << 53));
}
