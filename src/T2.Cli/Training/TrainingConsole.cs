using System.CommandLine;
using T2.Kernels;
using T2.Training;

namespace T2.Cli;

/// <summary>A training run in front of a person: display, cancellation, report.</summary>
internal static class TrainingConsole
{
    internal static async Task<int> RunAsync(
        Shell shell,
        ParseResult parsed,
        TrainingJob request,
        Func<IProgress<TrainingProgress>, IProgress<FactorProgress>, CancellationToken, Task<TrainingResult>> run,
        CancellationToken cancellation)
    {
        string?[] inputs = [request.ModelPath, parsed.GetRequiredValue(TrainingFlags.Task), parsed.GetValue(TrainingFlags.Validation), parsed.GetValue(TrainingFlags.Anchor)];
        RequireOwnFiles(request, [.. inputs.OfType<string>()]);
        var result = await TrainAsync(shell, run, cancellation).ConfigureAwait(false);
        Results.Show(shell.Terminal, TrainingReport.Of(result, request), parsed.GetValue(SharedOptions.Json), JsonReports.Default.TrainingReport, TrainingReport.Print);
        return 0;
    }

    /// <summary>Sees to it that neither the output nor what lies beside it is an input.</summary>
    /// <exception cref="UsageException">The run would write over one of its inputs.</exception>
    internal static void RequireOwnFiles(TrainingJob request, string[] inputs)
    {
        OutputFile.MustDiffer(request.OutputPath, inputs);
        OutputFile.CompanionsMustDiffer(request.OutputPath, [request.LogPath, request.CurvePath, request.CheckpointPath], inputs);
    }

    /// <summary>Trains with a display; cancellation says what is kept.</summary>
    internal static async Task<TrainingResult> TrainAsync(
        Shell shell, Func<IProgress<TrainingProgress>, IProgress<FactorProgress>, CancellationToken, Task<TrainingResult>> run, CancellationToken cancellation)
    {
        using var factoring = new FactorProgressDisplay(shell.Terminal);
        using var display = new TrainingDisplay(shell.Terminal, factoring);
        try
        {
            return await Task.Run(() => run(display, factoring, cancellation), CancellationToken.None).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled)
        {
            throw factoring.Explain(cancelled) ?? new StoppedException(cancelled.Message, cancelled);
        }
    }
}
