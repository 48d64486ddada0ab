namespace T2.Training;

/// <summary>
/// Forward and backward passes of a model under its trained parameters, in fp32 on the CPU's threads. The model's weights are read, never written; results do
/// not depend on the number of threads. Not safe to use from several threads at once.
/// </summary>
public sealed unsafe class TrainingEngine : IDisposable
{
    private readonly TrainingModel _model;
    private readonly ModelParameters? _parameters;
    private readonly WorkTeam _team;
    private readonly LayerPass _pass;
    private readonly HeadPass _head;
    private readonly WeightGradients? _gradients;
    private readonly LayerCache[] _caches;
    private readonly FloatBuffer _stream = new(), _baseHidden = new();
    private readonly GradientBuffers _backward;
    private readonly Dictionary<ModelTensor, float[]> _effective = new(ReferenceEqualityComparer.Instance);

    /// <param name="model">The model.</param>
    /// <param name="parameters">What is trained; null for nothing: logits and losses only.</param>
    /// <param name="threads">Threads to use, ≥ 1.</param>
    /// <exception cref="ArgumentException">The parameters belong to another model.</exception>
    public TrainingEngine(TrainingModel model, ModelParameters? parameters, int threads)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (parameters is not null && !ReferenceEquals(parameters.Model, model))
            throw new ArgumentException("The parameters belong to another model.", nameof(parameters));
        _model = model;
        _parameters = parameters;
        _team = new WorkTeam(threads);
        _pass = new LayerPass(model, _team);
        _head = new HeadPass(model, _team);
        _gradients = parameters is null ? null : new WeightGradients(parameters);
        _caches = [.. Enumerable.Range(0, model.Shape.Layers).Select(_ => new LayerCache(model.Shape))];
        _backward = new GradientBuffers(model.Shape);
        // Weights that are parameters themselves are read where they are; the others get a matrix of their own.
        foreach (var tensor in model.Tensors.Where(tensor => parameters is not null && parameters.Trains(tensor) && parameters.DirectGradient(tensor) is null))
            _effective.Add(tensor, new float[tensor.Values.Length]);
    }

    /// <summary>Logits at the positions with a target, or at all positions if none has one: one row of <see cref="ModelShape.VocabularySize"/> each.</summary>
    /// <exception cref="ArgumentException">The batch does not fit the model.</exception>
    public float[] Logits(PackedBatch batch)
    {
        var plan = Plan(batch);
        if (plan.TargetRows.Length == 0)
            plan.TargetRows = [.. Enumerable.Range(0, plan.Rows)];
        Compose();
        return _head.Logits(plan, Forward(plan, Effective, keep: false));
    }

    /// <summary>Loss without gradients.</summary>
    /// <exception cref="ArgumentException">The batch does not fit the model or has no target.</exception>
    /// <exception cref="TrainingException">The loss is not finite.</exception>
    public BatchLoss Evaluate(PackedBatch batch)
    {
        var plan = PlanWithTargets(batch);
        Compose();
        return Checked(_head.Evaluate(plan, Forward(plan, Effective, keep: false), null, 0, null, false, null));
    }

    /// <summary>
    /// Loss and gradients: adds d(Σ weight·(−log p(target)) + <paramref name="klCoefficient"/>·Σ KL)/dparameter to the parameters' gradients. KL(model || base)
    /// is taken at the positions with a target; the base is the same model without the parameters.
    /// </summary>
    /// <param name="batch">The batch.</param>
    /// <param name="klCoefficient">λ ≥ 0; with 0 KL is not computed.</param>
    /// <exception cref="ArgumentException">The batch does not fit the model or has no target; or KL is wanted of parameters that are the model's own weights.</exception>
    /// <exception cref="InvalidOperationException">The engine has no parameters.</exception>
    /// <exception cref="TrainingException">The loss is not finite; the values are as they were.</exception>
    public BatchLoss Accumulate(PackedBatch batch, float klCoefficient = 0)
    {
        if (_parameters is null || _gradients is null)
            throw new InvalidOperationException("The engine has no parameters to train.");
        if (!(klCoefficient >= 0) || (klCoefficient > 0 && _effective.Count == 0))
            throw new ArgumentException($"A KL coefficient of {klCoefficient} makes no sense here: it must not be negative, and weights that are trained themselves leave no base.", nameof(klCoefficient));
        var plan = PlanWithTargets(batch);
        float* baseHidden = null;
        if (klCoefficient > 0)
        {
            baseHidden = _baseHidden.Reserve((long)plan.TargetRows.Length * _model.Shape.Embedding);
            _head.Normalise(plan, Forward(plan, static tensor => tensor.Values, keep: false), baseHidden, null);
        }
        Compose();
        _backward.Reserve(plan.Rows);
        var stream = Forward(plan, Effective, keep: true);
        var loss = Checked(_head.Evaluate(plan, stream, baseHidden, klCoefficient, _gradients, _parameters.Trains(_model.Head), _backward.Stream));
        for (var layer = _model.Shape.Layers - 1; layer >= 0; layer--)
            _pass.Backward(plan, layer, Effective, _caches[layer], _backward, _gradients);
        _gradients.Clear();
        _gradients.AddEmbedding(_model.TokenEmbedding, batch.Tokens, _backward.Stream);
        _team.Run(_gradients.Pieces, (piece, _) => _gradients.Compute(piece, plan.Rows));
        return loss;
    }

    /// <summary>Ends the engine's threads and frees its memory.</summary>
    public void Dispose()
    {
        _team.Dispose();
        _pass.Dispose();
        _head.Dispose();
        _gradients?.Dispose();
        _backward.Dispose();
        _stream.Dispose();
        _baseHidden.Dispose();
        foreach (var cache in _caches)
            cache.Dispose();
    }

    private float[] Effective(ModelTensor tensor) => _effective.GetValueOrDefault(tensor) ?? tensor.Values;

    private void Compose()
    {
        var composed = _effective.ToArray();
        _team.Run(composed.Length, (at, _) => _parameters!.Compose(composed[at].Key, composed[at].Value));
    }

    /// <summary>The residual stream after the last block. With <paramref name="keep"/> every block has a cache of its own, else they share the first.</summary>
    private float* Forward(BatchPlan plan, Func<ModelTensor, float[]> values, bool keep)
    {
        var d = _model.Shape.Embedding;
        var stream = _stream.Reserve((long)plan.Rows * d);
        foreach (var cache in keep ? _caches : _caches.AsSpan(0, 1))
            cache.Reserve(plan.Rows);
        fixed (float* embedding = _model.TokenEmbedding.Values)
        {
            for (var t = 0; t < plan.Rows; t++)
                Buffer.MemoryCopy(embedding + (long)plan.Batch.Tokens[t] * d, _caches[0].Input + (long)t * d, d * sizeof(float), d * sizeof(float));
        }
        for (var layer = 0; layer < _model.Shape.Layers; layer++)
        {
            var last = layer == _model.Shape.Layers - 1;
            var cache = keep ? _caches[layer] : _caches[0];
            // A block reads its input last when it writes the matching rows of its output, so without keeping both may be one.
            _pass.Forward(plan, layer, values, cache, last ? stream : keep ? _caches[layer + 1].Input : cache.Input);
        }
        return stream;
    }

    private BatchPlan Plan(PackedBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.Validate(_model.Shape);
        return new BatchPlan(batch);
    }

    private BatchPlan PlanWithTargets(PackedBatch batch) =>
        Plan(batch) is { TargetRows.Length: > 0 } plan ? plan : throw new ArgumentException("The batch has no target.", nameof(batch));

    private static BatchLoss Checked(BatchLoss loss) => double.IsFinite(loss.Loss) && double.IsFinite(loss.Kl)
        ? loss
        : throw new TrainingException($"The loss is {loss.Loss} and the KL {loss.Kl}: the parameters have left the range of numbers. Lower the learning rate, or clip gradients harder.");
}
