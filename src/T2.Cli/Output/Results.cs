using System.Text.Json.Serialization.Metadata;

namespace T2.Cli;

/// <summary>A command's result on stdout, for people or for scripts.</summary>
internal static class Results
{
    internal static void Show<T>(Terminal terminal, T report, bool json, JsonTypeInfo<T> type, Action<Terminal, T> print)
    {
        if (json)
            Json.Write(terminal.Out, report, type);
        else
            print(terminal, report);
    }
}
