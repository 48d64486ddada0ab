using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using T2.Gguf.Experts;
using T2.Tasks;

namespace T2.Runtime.Search;

/// <summary>
/// The paper's few-shot adaptation: the cross-entropy method looks for the mixture of experts, shares in [0, 1], that answers a few items of a task best. It sees
/// those items only. Candidates are compared by how many they answer right, and where that is equal by how likely they find the right answers, per token: with few
/// shots most candidates are equal in the first. (The reference breaks ties by the likelihood of what a candidate said itself.) Candidates with shares per expert
/// are sums of kept deltas where the kernel can; others are rebuilt.
/// </summary>
public sealed class FewShotSearch
{
    /// <summary>Key of <see cref="Expert.Extra"/> that records how a mixture was found.</summary>
    public const string SearchKey = "t2.svf.search";

    private readonly AdaptiveModel _model;
    private readonly IReadOnlyList<Expert> _experts;
    private readonly FewShotOptions _options;
    private readonly MixtureSpace _space;
    private readonly TaskItem[] _shots;
    private readonly TaskSet _task;
    private readonly IVerifier _verifier;
    private readonly BatchOptions _batch;

    /// <summary>Prepares a search.</summary>
    /// <param name="model">Answers. Other users of it take turns with the search.</param>
    /// <param name="experts">The experts to mix, of this model.</param>
    /// <param name="task">Its first <see cref="FewShotOptions.Shots"/> items are the shots. A verifier of it that runs commands needs the user's consent first.</param>
    /// <param name="options">How; null = the paper's.</param>
    /// <exception cref="ArgumentException">There are no experts, or fewer items than shots.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public FewShotSearch(AdaptiveModel model, IReadOnlyList<Expert> experts, TaskSet task, FewShotOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(experts);
        ArgumentNullException.ThrowIfNull(task);
        _options = options ?? new FewShotOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Shots, 1, nameof(options));
        if (experts.Count == 0)
            throw new ArgumentException("A search needs at least one expert to mix.", nameof(experts));
        if (task.Items.Count < _options.Shots)
            throw new ArgumentException($"Task '{task.Name}' has {task.Items.Count} items, fewer than the {_options.Shots} shots asked for.", nameof(task));
        _model = model;
        _experts = experts;
        _task = task;
        _shots = [.. task.Items.Take(_options.Shots)];
        _verifier = Verifier.Create(task.Verifier);
        _space = new MixtureSpace(experts, _options.PerWeight, _options.Normalise);
        _batch = _options.Batch ?? new BatchOptions { Sequences = Math.Clamp(_options.Shots, 1, 64) };
        _ = NewSearch();
    }

    /// <summary>Searches, or goes on where <see cref="FewShotOptions.StatePath"/> says a search of the same settings was interrupted, with the same result.</summary>
    /// <param name="validation">Items to judge the result by, none of them a shot; never used to choose. Null = none.</param>
    /// <param name="progress">Told after every generation.</param>
    /// <param name="cancellation">Stops; finished generations are kept.</param>
    /// <exception cref="ExpertMismatchException">An expert does not fit the model.</exception>
    /// <exception cref="FormatException">The state file is damaged, or of another search.</exception>
    /// <exception cref="ArgumentException">The validation set has a shot among its items.</exception>
    public async Task<FewShotResult> RunAsync(TaskSet? validation = null, IProgress<FewShotProgress>? progress = null, CancellationToken cancellation = default)
    {
        RequireSeparate(validation);
        string settings = Settings();
        var search = FewShotState.TryLoad(_options.StatePath, settings) ?? NewSearch();
        bool mixed = await KeepDeltasAsync(cancellation).ConfigureAwait(false);
        int candidates = 0;
        long started = Stopwatch.GetTimestamp();
        double baseAccuracy;
        await using var generator = new BatchGenerator(_model, _batch);
        try
        {
            using var likelihood = new AnswerLikelihood(_model, _batch, [.. _shots.Select(shot => (generator.Render(Request(shot, _task.MaxTokens)), shot.Answer))]);
            while (!search.IsOver)
            {
                double[][] points = search.Ask();
                double[] fitness = new double[points.Length], tieBreak = new double[points.Length];
                for (int index = 0; index < points.Length; index++)
                {
                    var candidate = _space.At(points[index], _options.Name);
                    fitness[index] = await AccuracyAsync(generator, candidate, _task, _shots, cancellation).ConfigureAwait(false);
                    tieBreak[index] = await likelihood.MeanAsync(candidate, cancellation).ConfigureAwait(false);
                    candidates++;
                }
                search.Tell(fitness, tieBreak);
                FewShotState.Save(_options.StatePath, settings, search);
                progress?.Report(new(search.Generation, _options.Generations, search.BestFitness, fitness.Average(), _space.Shares(search.Best)));
            }
        }
        finally
        {
            // What is found is judged as it will be used: rebuilt.
            if (mixed)
                await _model.ReleaseDeltasAsync(CancellationToken.None).ConfigureAwait(false);
        }
        var time = candidates == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(started) / candidates;
        baseAccuracy = await AccuracyAsync(generator, null, _task, _shots, cancellation).ConfigureAwait(false);
        var found = Record(search);
        double shotAccuracy = await AccuracyAsync(generator, found, _task, _shots, cancellation).ConfigureAwait(false);
        double? valid = null, baseValid = null;
        if (validation is not null)
        {
            valid = await AccuracyAsync(generator, found, validation, validation.Items, cancellation).ConfigureAwait(false);
            baseValid = await AccuracyAsync(generator, null, validation, validation.Items, cancellation).ConfigureAwait(false);
        }
        return new FewShotResult(found, _space.Shares(search.Best), shotAccuracy, baseAccuracy, valid, baseValid, search.Generation, candidates, time, mixed);
    }

    private CrossEntropySearch NewSearch() => new(
        _space.Centre,
        [.. Enumerable.Repeat(_options.Deviation, _space.Dimensions)],
        new CrossEntropyOptions
        {
            Population = _options.Population,
            Elites = _options.Elites,
            Iterations = _options.Generations,
            Seed = _options.Seed,
            Minimum = 0,
            Maximum = 1,
        });

    /// <summary>The best candidate as an expert of its own object, so that no weights kept for a candidate stand in for it.</summary>
    private Expert? Record(CrossEntropySearch search) => _space.At(search.Best, _options.Name)?.With(extra: new KeyValuePair<string, string>(
        SearchKey,
        string.Create(
            CultureInfo.InvariantCulture,
            $"cem task={_task.Name} shots={_options.Shots} generations={search.Generation} population={_options.Population} elites={_options.Elites} seed={_options.Seed} per_weight={_options.PerWeight} normalise={_options.Normalise} experts={string.Join(',', _experts.Select(static expert => expert.Name))} accuracy={search.BestFitness:0.####}")));

    private async Task<bool> KeepDeltasAsync(CancellationToken cancellation)
    {
        if (_options.PerWeight)
            return false;
        try
        {
            await _model.KeepDeltasAsync(_experts, null, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (NotSupportedException)
        {
            return false;
        }
    }

    private async Task<double> AccuracyAsync(BatchGenerator generator, Expert? expert, TaskSet task, IReadOnlyList<TaskItem> items, CancellationToken cancellation)
    {
        var verifier = ReferenceEquals(task, _task) ? _verifier : Verifier.Create(task.Verifier);
        int correct = 0;
        await foreach (var answer in generator.GenerateAsync(items.Select(item => Request(item, task.MaxTokens)), expert, cancellation).ConfigureAwait(false))
        {
            if (answer.Error is { } error)
                throw new InvalidOperationException($"Item '{items[answer.Index].Id}' of task '{task.Name}' cannot be answered: {error}");
            var verdict = await verifier.VerifyAsync(items[answer.Index], answer.Text, cancellation).ConfigureAwait(false);
            correct += verdict.Correct ? 1 : 0;
        }
        return (double)correct / items.Count;
    }

    private static BatchRequest Request(TaskItem item, int maxTokens) => new(item.Prompt) { System = item.System, MaxTokens = maxTokens };

    private void RequireSeparate(TaskSet? validation)
    {
        var prompts = _shots.Select(static shot => (shot.System, shot.Prompt)).ToHashSet();
        if (validation?.Items.FirstOrDefault(item => prompts.Contains((item.System, item.Prompt))) is { } seen)
            throw new ArgumentException($"Item '{seen.Id}' of the validation set is one of the shots; a mixture must be judged by items it was not chosen by.", nameof(validation));
    }

    /// <summary>All that the course of the search depends on.</summary>
    private string Settings()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var expert in _experts)
        {
            foreach (var (weight, z) in expert.Vectors)
            {
                hash.AppendData(Encoding.UTF8.GetBytes(weight));
                hash.AppendData(MemoryMarshal.AsBytes(z.Span));
            }
        }
        foreach (var shot in _shots)
            hash.AppendData(Encoding.UTF8.GetBytes($"{shot.System}\0{shot.Prompt}\0{shot.Answer}\0"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{_model.Fingerprint} {string.Join(',', _experts.Select(static expert => expert.Name))} {Convert.ToHexString(hash.GetHashAndReset())} {_task.Verifier} {_task.MaxTokens} {_options.Shots} {_options.Generations} {_options.Population} {_options.Elites} {_options.Deviation:R} {_options.PerWeight} {_options.Normalise} {_options.Seed}");
    }
}
