namespace T2.Cli;

/// <summary>Checks on a file about to be written.</summary>
internal static class OutputFile
{
    /// <summary>Refuses to write over an input.</summary>
    /// <exception cref="UsageException">The output is one of the inputs.</exception>
    internal static void MustDiffer(string output, params ReadOnlySpan<string> inputs)
    {
        foreach (string input in inputs)
        {
            if (string.Equals(Path.GetFullPath(output), Path.GetFullPath(input), StringComparison.Ordinal))
                throw new UsageException($"-o {output} would overwrite the input of the same name.");
        }
    }
}
