namespace T2.Runtime.Search;

/// <summary>
/// Standard normal numbers addressed by (seed, generation, candidate, coordinate) instead of drawn in order, so that a search needs no generator's state to be
/// resumed. splitmix64 (Steele, Lea and Flood 2014) over the address, then Box and Muller.
/// </summary>
internal static class NormalNumbers
{
    private const ulong Golden = 0x9E3779B97F4A7C15;
    private const ulong TwiceGolden = 0x3C6EF372FE94F82A;

    internal static double At(ulong seed, int generation, int candidate, int coordinate)
    {
        ulong address = Mix(seed + Golden);
        address = Mix(address ^ ((ulong)(uint)generation << 32 | (uint)candidate));
        address = Mix(address + Golden * ((ulong)(uint)coordinate + 1));
        // 1 − u is in (0, 1], where the logarithm is finite.
        double radius = Math.Sqrt(-2 * Math.Log(1 - ToUnit(Mix(address + Golden))));
        return radius * Math.Cos(2 * Math.PI * ToUnit(Mix(address + TwiceGolden)));
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    private static double ToUnit(ulong bits) => (bits >> 11) * (1.0 / (1UL << 53));
}
