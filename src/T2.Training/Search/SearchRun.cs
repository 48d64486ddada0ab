using System.Diagnostics;
using T2.Gguf.Experts;
using T2.Runtime.Search;

namespace T2.Training;

/// <summary>The loop without gradients: a generation of candidates answers the same questions, the best of them decide where the next is drawn.</summary>
internal sealed class SearchRun
{
    private readonly SearchRequest _request;
    private readonly RunSettings _settings;
    private readonly CandidateFactory _candidates;
    private readonly RolloutEngine _rollouts;
    private readonly RunTracker _tracker;
    private readonly QuestionOrder _questions;
    private CrossEntropySearch _search;
    private double[] _best;
    private int _unrewarded;

    internal SearchRun(SearchRequest request, RunSettings settings, CandidateFactory candidates, RolloutEngine rollouts, RunTracker tracker)
    {
        _request = request;
        _settings = settings;
        _candidates = candidates;
        _rollouts = rollouts;
        _tracker = tracker;
        _questions = new QuestionOrder(request.Task.Training.Items.Count, request.Options.Batch, request.Options.Seed);
        _best = new double[candidates.Count];
        double[] deviation = new double[candidates.Count];
        Array.Fill(deviation, request.Options.Deviation);
        _search = new CrossEntropySearch(new double[candidates.Count], deviation, new CrossEntropyOptions
        {
            Population = request.Options.Population,
            Elites = request.Options.Elites,
            Iterations = request.Options.Generations,
            Seed = request.Options.Seed,
            Smoothing = request.Options.Smoothing,
        });
    }

    /// <summary>The numbers of the best validation.</summary>
    internal ReadOnlySpan<double> Best => _best;

    /// <summary>Runs to the end.</summary>
    internal async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            if (_tracker.IsValidationDue)
                await ValidateAsync(cancellation).ConfigureAwait(false);
            if (_tracker.IsOver)
                return;
            if (_tracker.Step > 0)
                Snapshot().Save(_request.CheckpointPath);
            await GenerationAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The state after the last finished generation.</summary>
    internal TrainingCheckpoint Snapshot() => new()
    {
        Settings = _settings.Serialize(),
        Step = _tracker.Step,
        OptimiserStep = _tracker.Step,
        Validation = _tracker.Validation,
        Unrewarded = _unrewarded,
        Tensors = new Dictionary<string, float[]>(),
        Search = new SearchState(_search.Save(), _best).Serialize(),
    };

    /// <summary>Takes up a run where a checkpoint left it.</summary>
    /// <exception cref="TrainingException">The checkpoint is of another run.</exception>
    internal void Resume(TrainingCheckpoint checkpoint)
    {
        _settings.Require(checkpoint, _request.CheckpointPath);
        try
        {
            var state = SearchState.Deserialize(checkpoint.Search ?? "");
            _search = CrossEntropySearch.Restore(state.Search);
            _best = state.Best;
            _unrewarded = checkpoint.Unrewarded;
        }
        catch (FormatException exception)
        {
            throw new TrainingException($"{_request.CheckpointPath} cannot be resumed: {exception.Message}", exception);
        }
        _tracker.Resume(checkpoint);
    }

    private async Task GenerationAsync(CancellationToken cancellation)
    {
        _tracker.Report("searching");
        long started = Stopwatch.GetTimestamp();
        var items = _request.Task.Training.Items;
        var questions = _questions.Of(_tracker.Step).Select(index => items[index]).ToArray();
        double[][] population = _search.Ask();
        double[] fitness = new double[population.Length];
        int correct = 0;
        int tokens = 0;
        for (int index = 0; index < population.Length; index++)
        {
            var episodes = await _rollouts.AnswerAsync(questions, _candidates.Make(population[index]), cancellation).ConfigureAwait(false);
            int right = episodes.Count(static episode => episode.Verdict.Correct);
            correct += right;
            tokens += episodes.Sum(static episode => episode.AnswerTokens.Count);
            fitness[index] = (double)right / questions.Length - _request.Options.Penalty * MeanSquare(population[index]);
        }
        int unrewarded = correct > 0 ? 0 : _unrewarded + 1;
        if (unrewarded >= _request.Options.HopelessAfter)
            throw new TrainingException($"No candidate of {unrewarded} generations got an answer right, so there is nothing to choose by. Check verifier '{_request.Task.Training.Verifier}'.");
        _search.Tell(fitness);
        _unrewarded = unrewarded;
        double share = (double)correct / (questions.Length * population.Length);
        _tracker.AddStep(new StepRecord
        {
            Step = 0,
            Loss = -fitness.Max(),
            Reward = 2 * share - 1,
            Tokens = tokens,
            SamplingSeconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 4),
        });
    }

    private async Task ValidateAsync(CancellationToken cancellation)
    {
        _tracker.Report("validating");
        Expert? expert = _tracker.Step == 0 ? null : _candidates.Make(_search.Mean);
        if (_tracker.AddValidation(await _rollouts.AnswerAsync(_request.Task.Validation.Items, expert, cancellation).ConfigureAwait(false)))
            _best = [.. _search.Mean];
    }

    private static double MeanSquare(double[] theta) => theta.Average(static value => value * value);
}
