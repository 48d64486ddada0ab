namespace T2.Training;

/// <summary>Checks of options.</summary>
internal static class OptionRange
{
    /// <exception cref="ArgumentException"><paramref name="holds"/> is false; the message names the option, its value and what was wanted.</exception>
    internal static void Require<T>(bool holds, string name, T value, string wanted)
    {
        if (!holds)
            throw new ArgumentException(FormattableString.Invariant($"{name} is {value}; it must be {wanted}."));
    }
}
