using System.Diagnostics;

namespace T2.Training;

/// <summary>Trains all weights of a model on the next token of documents. Deterministic: the same documents, model and settings give the same weights, on any number of threads and however often it was interrupted.</summary>
public static class BaseTrainer
{
    /// <summary>Trains until <see cref="BaseTrainingOptions.Steps"/>; the model's weights are changed in place.</summary>
    /// <param name="model">The model; where a checkpoint exists its weights are replaced by the checkpoint's.</param>
    /// <param name="documents">Gives document 0, 1, …; the same document for an index whenever it is asked. See <see cref="DocumentOrder.Shuffled"/>.</param>
    /// <param name="options">Settings.</param>
    /// <param name="progress">Told every <see cref="BaseTrainingOptions.LogEvery"/> steps, on the calling thread.</param>
    /// <param name="cancellation">Stops after the present step, with a checkpoint.</param>
    /// <returns>The last report.</returns>
    /// <exception cref="ArgumentException">A setting or a document does not fit.</exception>
    /// <exception cref="TrainingException">The loss or a gradient is not finite, or the checkpoint is of another run. The last good checkpoint is kept.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the checkpoint is written.</exception>
    public static BaseProgress Run(
        TrainingModel model, Func<long, TrainingDocument> documents, BaseTrainingOptions options, IProgress<BaseProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(documents);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        using var run = new BaseRun(model, documents, options);
        return run.Train(progress, cancellation);
    }

    /// <summary>Mean loss a token, in nats, over documents, each token counting by its weight.</summary>
    /// <exception cref="ArgumentException">A document does not fit the model, or none has a token to predict.</exception>
    public static double MeanLoss(TrainingEngine engine, IReadOnlyList<TrainingDocument> documents, int batchTokens = 4096)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(documents);
        var (sum, total) = (0.0, 0.0);
        for (var next = 0L; next < documents.Count;)
        {
            var picked = Take(index => index < documents.Count ? documents[(int)index] : null, ref next, batchTokens);
            if (PackedBatch.TotalWeight(picked) is var weight and > 0)
            {
                sum += weight * engine.Evaluate(PackedBatch.NextToken(picked)).Loss;
                total += weight;
            }
        }
        return total > 0 ? sum / total : throw new ArgumentException("No document has a token to predict.", nameof(documents));
    }

    /// <summary>The documents from <paramref name="next"/> on that fit a batch, at least one.</summary>
    internal static List<TrainingDocument> Take(Func<long, TrainingDocument?> documents, ref long next, int batchTokens)
    {
        var (picked, tokens) = (new List<TrainingDocument>(), 0);
        while (documents(next) is { } document)
        {
            var length = Math.Max(0, document.Tokens.Length - 1);
            if (picked.Count > 0 && tokens + length > batchTokens)
                break;
            picked.Add(document);
            tokens += length;
            next++;
        }
        return picked;
    }

    private sealed class BaseRun : IDisposable
    {
        private readonly Func<long, TrainingDocument> _documents;
        private readonly BaseTrainingOptions _options;
        private readonly FullParameters _parameters;
        private readonly TrainingEngine _engine;
        private readonly AdamW _optimiser;
        private readonly LearningRate _rate;
        private readonly BaseTrainingLog _log;
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private readonly TimeSpan _before;
        private long _step, _nextDocument, _tokens;
        private double _validation;

        public BaseRun(TrainingModel model, Func<long, TrainingDocument> documents, BaseTrainingOptions options)
        {
            _documents = documents;
            _options = options;
            _parameters = new FullParameters(model);
            _optimiser = new AdamW(_parameters, options.Optimiser);
            _rate = new LearningRate(options.LearningRate, options.Steps, options.WarmupSteps, options.FinalLearningRateShare);
            var start = options.CheckpointPath is { } path && File.Exists(path)
                ? BaseCheckpoint.Load(path, options.Describe(), _parameters, _optimiser)
                : new BaseCheckpoint(0, 0, 0, TimeSpan.Zero, double.NaN);
            (_step, _nextDocument, _tokens, _before, _validation) = (start.Step, start.NextDocument, start.Tokens, start.Elapsed, start.ValidationLoss);
            _log = new BaseTrainingLog(options.LogPath, _step);
            _engine = new TrainingEngine(model, _parameters, options.Threads);
        }

        private TimeSpan Elapsed => _before + _clock.Elapsed;

        public BaseProgress Train(IProgress<BaseProgress>? progress, CancellationToken cancellation)
        {
            var last = Report(0, 0, 0, 0, _tokens, TimeSpan.Zero);
            var (saved, reported, reportedTokens, losses, counted) = (Elapsed, Elapsed, _tokens, 0.0, 0);
            while (_step < _options.Steps)
            {
                if (cancellation.IsCancellationRequested)
                {
                    Save();
                    cancellation.ThrowIfCancellationRequested();
                }
                var (loss, rate, norm) = Step();
                losses += loss;
                counted++;
                var ended = _step == _options.Steps;
                var validated = _options.Validation.Count > 0 && (ended || _step % _options.ValidateEvery == 0);
                if (validated)
                    _validation = MeanLoss(_engine, _options.Validation, _options.BatchTokens);
                if (ended || _step % _options.LogEvery == 0)
                {
                    last = Report(losses / counted, rate, norm, (_tokens - reportedTokens) / (Elapsed - reported).TotalSeconds, _tokens, Elapsed);
                    _log.Write(last, validated);
                    progress?.Report(last);
                    (reported, reportedTokens, losses, counted) = (Elapsed, _tokens, 0, 0);
                }
                if (ended || Elapsed - saved >= _options.CheckpointInterval)
                {
                    Save();
                    saved = Elapsed;
                }
            }
            return last;
        }

        public void Dispose()
        {
            _engine.Dispose();
            _log.Dispose();
        }

        private (double Loss, double Rate, double Norm) Step()
        {
            var next = _nextDocument;
            var batch = PackedBatch.NextToken(Take(_documents, ref next, _options.BatchTokens));
            _parameters.ZeroGradient();
            try
            {
                var loss = _engine.Accumulate(batch).Loss;
                var rate = _rate.At(_step);
                var norm = _optimiser.Step(rate, _options.ClipNorm);
                _step++;
                (_nextDocument, _tokens) = (next, _tokens + batch.Tokens.Length);
                return (loss, rate, norm);
            }
            catch (TrainingException e)
            {
                var kept = _options.CheckpointPath is { } path && File.Exists(path) ? $" The last good checkpoint is {path}." : "";
                throw new TrainingException($"Pre-training stopped in step {_step + 1}: {e.Message}{kept}", e);
            }
        }

        private BaseProgress Report(double loss, double rate, double norm, double speed, long tokens, TimeSpan elapsed) => new(
            _step, _options.Steps, loss, double.IsNaN(_validation) ? null : _validation, rate, norm, tokens, speed, elapsed,
            _step == 0 ? TimeSpan.Zero : elapsed * ((double)(_options.Steps - _step) / _step));

        private void Save()
        {
            if (_options.CheckpointPath is { } path)
                new BaseCheckpoint(_step, _nextDocument, _tokens, Elapsed, _validation).Save(path, _options.Describe(), _parameters, _optimiser);
        }
    }
}
