using System.CommandLine;

namespace T2.Cli;

/// <summary>The options that mean the same in every command that has them.</summary>
internal static class SharedOptions
{
    internal static readonly Option<string> Model = new("--model", "-m")
    {
        Description = "The base model, a GGUF file.",
        HelpName = "FILE",
        Required = true,
    };

    internal static readonly Option<string> Output = new("--output", "-o")
    {
        Description = "The file to write. It appears whole or not at all.",
        HelpName = "FILE",
        Required = true,
    };

    internal static readonly Option<string> Name = new("--name")
    {
        Description = "The new expert's name: what --expert and dispatch call it.",
        HelpName = "NAME",
        Required = true,
    };

    internal static readonly Option<string?> Describe = new("--describe")
    {
        Description = "One line on what the expert is for; dispatch shows it to the model.",
        HelpName = "TEXT",
    };

    internal static readonly Option<string?> Task = new("--task")
    {
        Description = "What the expert was trained for (free text).",
        HelpName = "TEXT",
    };

    internal static readonly Option<string?> Factors = new("--factors")
    {
        Description = "The factor sidecar. [default: MODEL.t2factors]",
        HelpName = "FILE",
    };

    internal static readonly Option<string?> Kernel = new("--kernel")
    {
        Description = "The kernel that factors and rebuilds; 't2 kernels' lists them. [default: the best available]",
        HelpName = "NAME",
    };

    internal static readonly Option<int> Threads = Numbers.Whole("--threads", ["-t"], "Threads to use; 0 = all processors.", 0, int.MaxValue, 0);

    internal static readonly Option<bool> AllowOtherBase = new("--allow-other-base")
    {
        Description = "Accept an expert made for other weights of the same shapes, such as another quantisation of the same model.",
    };

    internal static readonly Option<bool> Json = new("--json") { Description = "Write one JSON object to stdout instead of text." };

    internal static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "Nothing on stderr but errors." };

    /// <summary>The number of threads an option's value stands for.</summary>
    internal static int ResolveThreads(int threads) => threads > 0 ? threads : Environment.ProcessorCount;
}
