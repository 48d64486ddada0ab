using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using T2.Llama;

namespace T2.Cli;

/// <summary>Shows T2's version, and llama.cpp's where it can be loaded.</summary>
internal sealed class VersionAction(Shell shell) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <summary>T2's version, without the commit that the SDK appends.</summary>
    internal static string OwnVersion =>
        (typeof(VersionAction).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown").Split('+')[0];

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        shell.Terminal.Out.WriteLine($"t2 {OwnVersion}");
        shell.Terminal.Out.WriteLine(LlamaVersion());
        return 0;
    }

    private static string LlamaVersion()
    {
        try
        {
            return $"llama.cpp {LlamaLibrary.Load().Version}";
        }
        catch (LlamaException exception)
        {
            return $"llama.cpp not available: {exception.Message.ReplaceLineEndings(" ")}";
        }
    }
}
