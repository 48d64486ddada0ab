using System.Diagnostics;
using T2.Kernels;
using T2.Llama;
using T2.Runtime;
using T2.Tasks;

namespace T2.Training;

/// <summary>
/// Trains an adapter of a frozen base and writes it with its log and curve. Answers are sampled on T2's own runtime, with the weights rebuilt in place after
/// every step; gradients come from <see cref="TrainingEngine"/>.
/// </summary>
public static class AdapterTraining
{
    /// <summary>Runs to the end. What interrupts the run leaves a checkpoint of the last finished step beside the output.</summary>
    /// <param name="request">The run.</param>
    /// <param name="progress">Told of every step and validation, on the thread that runs it.</param>
    /// <param name="factoring">Told of the base's factorisation, where its sidecar lacks something.</param>
    /// <param name="cancellation">Stops the run; the checkpoint is kept.</param>
    /// <exception cref="ArgumentException">An option makes no sense, for itself or for the model.</exception>
    /// <exception cref="TrainingException">The run cannot start or go on.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<TrainingResult> RunAsync(
        TrainingRequest request, IProgress<TrainingProgress>? progress = null, IProgress<FactorProgress>? factoring = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Options.Validate();
        var questions = request.Anchor is { } given ? request.Task.LeaveOut(given) : null;
        var checkpoint = RunGuard.Open(request);
        long started = Stopwatch.GetTimestamp();

        await using var model = await request.LoadModelAsync(cancellation).ConfigureAwait(false);
        var trainable = TrainingModel.Load(model.File);
        var weights = request.Options.Weights.Resolve(trainable.AdaptableWeights);
        using var factors = request.Options.Kind == AdapterKind.Svf ? OpenFactors(request, model, factoring, cancellation) : null;
        using var adapter = CreateAdapter(request.Options, model, trainable, factors, weights);
        using var engine = new TrainingEngine(trainable, adapter.Engine, request.ResolvedThreads);
        int answersAtOnce = Math.Max(request.Options.Batch * request.Options.Samples, request.Task.Validation.Items.Count);
        await using var generator = new BatchGenerator(model, await request.RolloutOptionsAsync(model, answersAtOnce, trainable.Shape.Context).ConfigureAwait(false));
        using var rollouts = request.CreateRollouts(generator);
        var settings = RunSettings.Of(request, model.Fingerprint) with { Options = request.Options, Anchor = questions is null ? null : RunSettings.HashOf(questions) };
        var objective = CreateObjective(request, engine, adapter, rollouts, model.Native);
        var anchor = questions is null ? null : new Anchor(questions, request.Options, engine, rollouts, model.Native, trainable.Shape.Context);
        var optimiser = new AdamW(adapter.Optimised, new AdamWOptions { WeightDecay = request.Options.WeightDecay, DecayVectors = true });
        using var log = checkpoint is null ? TrainingLog.Begin(request.LogPath) : TrainingLog.Continue(request.LogPath, checkpoint.Step);
        var tracker = new RunTracker(request, request.Options.Steps, request.Options.ValidateEvery, request.Options.Patience, log, progress);
        var run = new TrainingRun(request, settings, adapter, optimiser, objective, anchor, rollouts, tracker);
        if (checkpoint is not null)
            run.Resume(checkpoint);
        await RunGuard.RunAsync(request, log, () => run.RunAsync(cancellation), () => tracker.Step > 0 ? run.Snapshot() : null).ConfigureAwait(false);

        string what = request.Options.Objective == TrainingObjective.Policy ? "policy gradient" : "next token";
        adapter.Save(request.OutputPath, AdapterFacts.Of(request, what, Describe(request.Options, questions), tracker, adapter.ParameterCount, request.Options.Seed, model.Fingerprint));
        TrainingCurve.Write(request.CurvePath, request, log.Records);
        File.Delete(request.CheckpointPath);
        return tracker.Result(adapter.ParameterCount, Stopwatch.GetElapsedTime(started));
    }

    private static FactorStore OpenFactors(TrainingRequest request, AdaptiveModel model, IProgress<FactorProgress>? progress, CancellationToken cancellation) =>
        FactorStore.OpenOrCreate(
            request.FactorPath ?? FactorStore.DefaultPath(request.ModelPath),
            model.File,
            model.Fingerprint,
            [.. BlockWeights.List(model.File).Select(static tensor => tensor.Name)],
            KernelRegistry.Resolve(request.Kernel),
            new FactorOptions { Threads = request.ResolvedThreads },
            progress,
            cancellation);

    private static TrainedAdapter CreateAdapter(TrainingOptions options, AdaptiveModel model, TrainingModel trainable, FactorStore? factors, IReadOnlyList<string> weights)
    {
        if (factors is null)
            return new LoraAdapter(new LoraParameters(trainable, weights, options.Rank, options.Alpha, options.Seed), model.Native);
        var z = new SvfParameters(trainable, factors, weights);
        SvfCoordinates coordinates = options.Parametrisation == SvfParametrisation.Direct
            ? new DirectCoordinates(z)
            : new SigmoidCoordinates(z, [.. z.Tensors.Select(tensor => factors.TryGet(tensor.Name, out var matrix)
                ? matrix.SingularValues
                : throw new KeyNotFoundException($"{factors.Path} lacks '{tensor.Name}'."))]);
        return new SvfAdapter(z, coordinates);
    }

    private static StepObjective CreateObjective(TrainingRequest request, TrainingEngine engine, TrainedAdapter adapter, RolloutEngine rollouts, LlamaModel model) =>
        request.Options.Objective == TrainingObjective.Policy
            ? new PolicyGradient(request.Task.Training, request.Options, engine, adapter, rollouts)
            : new NextTokenObjective(request.Task.Training, request.Options, engine, adapter, rollouts, model);

    private static string Describe(TrainingOptions options, TaskSet? anchor)
    {
        string size = options.Objective == TrainingObjective.Policy ? $"{options.Batch}×{options.Samples}" : $"{options.Batch}";
        string held = anchor is null ? "" : FormattableString.Invariant($", KL {options.AnchorWeight} on {options.AnchorBatch} of '{anchor.Name}'");
        return FormattableString.Invariant($"{options.Steps} steps of {size}, lr {options.LearningRate} cosine, KL {options.Kl}{held}, seed {options.Seed}, weights {options.Weights}");
    }
}
