using System.Globalization;

namespace T2.Tasks;

/// <summary>Makes verifiers from their names.</summary>
public static class Verifier
{
    /// <summary>How specs of verifiers that run a user's command begin.</summary>
    public const string CommandPrefix = "command:";

    private const string PythonName = "python";

    private const string Known = "exact, numeric, numeric:TOLERANCE, choice, math, python and command:SHELL";

    /// <summary>Makes a verifier.</summary>
    /// <param name="spec">
    /// <c>exact</c>: equal but for white space around it. <c>numeric</c>: equal numbers, however written; <c>numeric:0.01</c> with a tolerance.
    /// <c>choice</c>: the same label. <c>math</c>: the same LaTeX or number in a box. <c>python</c>: code that passes tests, in the <see cref="Sandbox"/>. <c>command:SHELL</c>: <see cref="CommandVerifier"/>. A spec may come from a task file somebody else wrote: ask
    /// <see cref="RunsCommands"/> before using it.
    /// </param>
    /// <exception cref="ArgumentException">There is no such verifier.</exception>
    public static IVerifier Create(string spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.StartsWith(CommandPrefix, StringComparison.Ordinal))
        {
            string command = spec[CommandPrefix.Length..].Trim();
            return command.Length > 0 ? new CommandVerifier(command) : throw new ArgumentException($"Verifier '{spec}' names no command after the colon.");
        }
        var (name, parameter) = spec.IndexOf(':') is var colon and >= 0 ? (spec[..colon], spec[(colon + 1)..]) : (spec, null);
        return (name.Trim(), parameter) switch
        {
            ("exact", null) => new ExactVerifier(),
            ("numeric", null) => new NumericVerifier(),
            ("numeric", _) when double.TryParse(parameter, NumberStyles.Float, CultureInfo.InvariantCulture, out double tolerance) && tolerance is >= 0 and < double.PositiveInfinity =>
                new NumericVerifier(tolerance),
            ("numeric", _) => throw new ArgumentException($"Verifier '{spec}': the tolerance must be a number of at least 0."),
            ("choice", null) => new ChoiceVerifier(),
            ("math", null) => new MathVerifier(),
            (PythonName, null) => new ProgramVerifier(),
            _ => throw new ArgumentException($"There is no verifier '{spec}'; there are {Known}."),
        };
    }

    /// <summary>Whether a verifier of this spec runs programs: the command it names, or code that the model wrote. Such a spec from a file needs its user's consent.</summary>
    public static bool RunsCommands(string spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return spec.StartsWith(CommandPrefix, StringComparison.Ordinal) || RunsAnswers(spec);
    }

    /// <summary>Whether a verifier of this spec runs code that the model wrote, in the <see cref="Sandbox"/>.</summary>
    public static bool RunsAnswers(string spec) => spec == PythonName;
}
