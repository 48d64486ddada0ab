using System.CommandLine;
using T2.Runtime;

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

    internal static readonly Option<string> Precision = new("--precision")
    {
        Description = "The type adapted weights live in, where finer than the base's: base, q8_0, f16, f32. Finer types keep small changes, for memory and speed.",
        HelpName = "TYPE",
        DefaultValueFactory = static _ => "base",
    };

    internal static readonly Option<int> PreparedMemory = Numbers.Whole("--prepared", [], "MiB of memory that experts may keep once rebuilt; the one in use is always kept.", 0, int.MaxValue, 1024);

    internal static readonly Option<string?> PreparedFolder = new("--prepared-files")
    {
        Description = "A folder to keep rebuilt experts in, as files that are mapped instead of rebuilt the next time.",
        HelpName = "FOLDER",
    };

    internal static readonly Option<bool> Json = new("--json") { Description = "Write one JSON object to stdout instead of text." };

    internal static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "Nothing on stderr but errors." };

    /// <summary>The precision that an option's value names.</summary>
    /// <exception cref="UsageException">It names none.</exception>
    internal static AdaptedPrecision ResolvePrecision(string? name) => name switch
    {
        null or "base" => AdaptedPrecision.Base,
        "q8_0" => AdaptedPrecision.Q8,
        "f16" => AdaptedPrecision.Half,
        "f32" => AdaptedPrecision.Single,
        _ => throw new UsageException($"'{name}' is no --precision; there are base, q8_0, f16 and f32."),
    };

    /// <summary>The number of threads an option's value stands for.</summary>
    internal static int ResolveThreads(int threads) => threads > 0 ? threads : Environment.ProcessorCount;
}
