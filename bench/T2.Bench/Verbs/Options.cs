namespace T2.Bench.Verbs;

/// <summary>The options of one verb: <c>--name value</c> pairs, each at most once.</summary>
internal sealed class Options
{
    private readonly Dictionary<string, string> _values = [];

    /// <param name="args">What follows the verb.</param>
    /// <param name="known">Every option the verb has.</param>
    /// <exception cref="ArgumentException">An unknown option, one given twice, or one without a value.</exception>
    public Options(ReadOnlySpan<string> args, params ReadOnlySpan<string> known)
    {
        for (var i = 0; i < args.Length; i += 2)
        {
            if (!known.Contains(args[i]))
                throw new ArgumentException($"Unknown option '{args[i]}'; known are {string.Join(", ", known.ToArray())}.");
            if (i + 1 == args.Length)
                throw new ArgumentException($"Option '{args[i]}' needs a value.");
            if (!_values.TryAdd(args[i], args[i + 1]))
                throw new ArgumentException($"Option '{args[i]}' is given twice.");
        }
    }

    /// <summary>The value of an option, or null where it was not given.</summary>
    public string? Find(string name) => _values.GetValueOrDefault(name);

    /// <summary>The value of an option that must be given.</summary>
    /// <exception cref="ArgumentException">It was not.</exception>
    public string Require(string name) => Find(name) ?? throw new ArgumentException($"Option '{name}' is missing.");
}
