namespace T2.Cli;

/// <summary>The file a command writes.</summary>
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

    /// <summary>Refuses to write over an input what goes beside an output: its log, curve, checkpoint.</summary>
    /// <exception cref="UsageException">One of them is one of the inputs.</exception>
    internal static void CompanionsMustDiffer(string output, ReadOnlySpan<string> companions, ReadOnlySpan<string> inputs)
    {
        foreach (string companion in companions)
        {
            foreach (string input in inputs)
            {
                if (string.Equals(Path.GetFullPath(companion), Path.GetFullPath(input), StringComparison.Ordinal))
                    throw new UsageException($"-o {output} goes with {companion}, which would overwrite the input of the same name.");
            }
        }
    }

    /// <summary>Writes, and names the file rather than a temporary one beside it if that fails.</summary>
    /// <exception cref="BadFileException">It cannot be written.</exception>
    internal static void Write(string output, Action<string> write)
    {
        try
        {
            write(output);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{output}: cannot be written: {exception.Message}", exception);
        }
    }
}
