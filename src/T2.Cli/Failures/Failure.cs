using T2.Evaluation;
using T2.Gguf;
using T2.Kernels;
using T2.Kernels.Gpu;
using T2.Llama;
using T2.Runtime;
using T2.Tasks;
using T2.Training;
using T2.Weights;

namespace T2.Cli;

/// <summary>The one place that turns an exception into an exit code and a line.</summary>
internal static class Failure
{
    /// <summary>Set to 1 to see stack traces.</summary>
    internal const string DebugVariable = "T2_DEBUG";

    /// <summary>Reports a failure and gives the code to exit with.</summary>
    internal static ExitCode Report(Terminal terminal, Exception exception)
    {
        while (exception is AggregateException { InnerExceptions: [var only] })
            exception = only;
        var code = CodeOf(exception);
        terminal.Out.Flush();
        terminal.Fail(Describe(exception, code));
        if (Environment.GetEnvironmentVariable(DebugVariable) == "1")
            terminal.Error.WriteLine(exception);
        return code;
    }

    private static ExitCode CodeOf(Exception exception) => exception switch
    {
        OperationCanceledException => ExitCode.Cancelled,
        UsageException => ExitCode.Usage,
        LlamaLibraryNotFoundException or LlamaAbiException => ExitCode.NoNativeLibrary,
        MisfitException or ExpertMismatchException or PromptTooLongException or WeightAccessException => ExitCode.DoesNotFit,
        TrainingException => ExitCode.TrainingFailed,
        BadFileException or TaskFileException or EvaluationException or GgufException or FactorStoreException or FactorizationException or IOException or UnauthorizedAccessException => ExitCode.BadFile,
        _ => ExitCode.Unexpected,
    };

    private static string Describe(Exception exception, ExitCode code) => code switch
    {
        ExitCode.Cancelled => exception is StoppedException ? exception.Message : "cancelled",
        ExitCode.Unexpected when exception is not (LlamaException or GpuException) => $"{exception.GetType().Name}: {WithoutParameter(exception)} (set {DebugVariable}=1 for the stack trace)",
        _ => WithoutParameter(exception),
    };

    /// <summary>An exception's message without .NET's note on which parameter of which method was at fault.</summary>
    internal static string WithoutParameter(Exception exception)
    {
        string suffix = exception is ArgumentException { ParamName: { } parameter } ? $" (Parameter '{parameter}')" : "";
        return suffix.Length > 0 && exception.Message.EndsWith(suffix, StringComparison.Ordinal) ? exception.Message[..^suffix.Length] : exception.Message;
    }
}
