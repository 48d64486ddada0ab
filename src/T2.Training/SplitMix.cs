namespace T2.Training;

/// <summary>SplitMix64: the same numbers for a seed on every machine and every version of .NET.</summary>
internal struct SplitMix(ulong seed)
{
    private ulong _state = seed;
    private double _spare = double.NaN;

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in (0, 1).</summary>
    public double NextDouble() => ((Next() >> 11) + 0.5) * (1.0 / (1UL << 53));

    /// <summary>Uniform in 0..bound−1; the bias of at most bound/2⁶⁴ is of no account here.</summary>
    public int NextInt(int bound) => (int)(((UInt128)Next() * (uint)bound) >> 64);

    /// <summary>Standard normal, by Box and Muller.</summary>
    public double NextGaussian()
    {
        if (!double.IsNaN(_spare))
        {
            var spare = _spare;
            _spare = double.NaN;
            return spare;
        }
        var radius = Math.Sqrt(-2 * Math.Log(NextDouble()));
        var angle = 2 * Math.PI * NextDouble();
        _spare = radius * Math.Sin(angle);
        return radius * Math.Cos(angle);
    }
}
