using System.Diagnostics;
using T2.Gguf;
using T2.Kernels;
using T2.Runtime;

namespace T2.Training;

/// <summary>
/// Trains an expert without gradients: the cross-entropy method moves a few numbers that stand for z, and the runtime's answers score them. Works for any
/// architecture llama.cpp runs, quantised as it is.
/// </summary>
public static class ForwardTraining
{
    /// <summary>Runs to the end. What interrupts the run leaves a checkpoint of the last finished generation beside the output.</summary>
    /// <param name="request">The run.</param>
    /// <param name="progress">Told of every generation and validation, on the thread that runs it.</param>
    /// <param name="factoring">Told of the base's factorisation, where its sidecar lacks something.</param>
    /// <param name="cancellation">Stops the run; the checkpoint is kept.</param>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    /// <exception cref="TrainingException">The run cannot start or go on.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<TrainingResult> RunAsync(
        SearchRequest request, IProgress<TrainingProgress>? progress = null, IProgress<FactorProgress>? factoring = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Options.Validate();
        var checkpoint = RunGuard.Open(request);
        long started = Stopwatch.GetTimestamp();
        await using var model = await request.LoadModelAsync(cancellation).ConfigureAwait(false);
        await model.FactorAsync(factoring, cancellation).ConfigureAwait(false);
        string architecture = model.File.Architecture ?? throw new GgufException("the model names no architecture (general.architecture).", model.File.Path);
        var groups = Groups(request.Options, model.File);
        int answersAtOnce = Math.Max(request.Options.Batch, request.Task.Validation.Items.Count);
        await using var generator = new BatchGenerator(model, await request.RolloutOptionsAsync(model, answersAtOnce, null).ConfigureAwait(false));
        using var rollouts = request.CreateRollouts(generator);
        var settings = RunSettings.Of(request, model.Fingerprint) with { Search = request.Options };
        using var log = checkpoint is null ? TrainingLog.Begin(request.LogPath) : TrainingLog.Continue(request.LogPath, checkpoint.Step);
        var candidates = new CandidateFactory(groups, architecture, model.Fingerprint);
        var tracker = new RunTracker(request, request.Options.Generations, request.Options.ValidateEvery, request.Options.Patience, log, progress);
        var run = new SearchRun(request, settings, candidates, rollouts, tracker);
        if (checkpoint is not null)
            run.Resume(checkpoint);
        await RunGuard.RunAsync(request, log, () => run.RunAsync(cancellation), () => tracker.Step > 0 ? run.Snapshot() : null).ConfigureAwait(false);

        candidates.Make(run.Best, AdapterFacts.Of(request, "cross-entropy method", Describe(request.Options), tracker, groups.Count, request.Options.Seed, model.Fingerprint))
            .Save(request.OutputPath);
        TrainingCurve.Write(request.CurvePath, request, log.Records);
        File.Delete(request.CheckpointPath);
        return tracker.Result(groups.Count, Stopwatch.GetElapsedTime(started));
    }

    private static SpectrumGroups Groups(SearchOptions options, GgufFile file)
    {
        var ranks = BlockWeights.List(file).ToDictionary(static tensor => tensor.Name, static tensor => BlockWeights.ShapeOf(tensor).Rank, StringComparer.Ordinal);
        var weights = options.Weights.Resolve([.. ranks.Keys]);
        return new SpectrumGroups(weights.Select(weight => KeyValuePair.Create(weight, ranks[weight])), options.Grouping, options.Bands);
    }

    private static string Describe(SearchOptions options) => FormattableString.Invariant(
        $"{options.Generations} generations of {options.Population} on {options.Batch} questions, {options.Bands} bands a {options.Grouping.ToString().ToLowerInvariant()}, seed {options.Seed}, weights {options.Weights}");
}
