using T2.Training.Reference;

namespace T2.Training;

/// <summary>Forward and backward passes of a model under its trained parameters.</summary>
public sealed class TrainingEngine : IDisposable
{
    private readonly TrainingModel _model;
    private readonly ModelParameters? _parameters;

    /// <param name="model">The model. Its weights are read, never written.</param>
    /// <param name="parameters">What is trained; null for none: logits and losses only.</param>
    /// <param name="threads">Threads to use, ≥ 1. Results do not depend on it.</param>
    /// <exception cref="ArgumentException">The parameters belong to another model.</exception>
    public TrainingEngine(TrainingModel model, ModelParameters? parameters, int threads)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (parameters is not null && !ReferenceEquals(parameters.Model, model))
            throw new ArgumentException("The parameters belong to another model.", nameof(parameters));
        _model = model;
        _parameters = parameters;
    }

    /// <summary>Logits at the positions with a target, or at all positions if none has one: one row of <see cref="ModelShape.VocabularySize"/> each.</summary>
    /// <exception cref="ArgumentException">The batch does not fit the model.</exception>
    public float[] Logits(PackedBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.Validate(_model.Shape);
        var positions = PositionsOf(batch);
        if (positions.Count == 0)
            positions = [.. Enumerable.Range(0, batch.Tokens.Length)];
        return [.. new ReferenceTransformer(_model, Effective).Run(batch, positions, 0, null, false).Logits.Select(static value => (float)value)];
    }

    /// <summary>Loss without gradients.</summary>
    /// <exception cref="ArgumentException">The batch does not fit the model or has no target.</exception>
    /// <exception cref="TrainingException">The loss is not finite.</exception>
    public BatchLoss Evaluate(PackedBatch batch) => Pass(batch, 0, gradients: false);

    /// <summary>
    /// Loss and gradients: adds d(Σ weight·(−log p(target)) + <paramref name="klCoefficient"/>·Σ KL)/dparameter to the parameters' gradients. KL(model || base)
    /// is taken at the positions with a target; the base is the same model without the parameters.
    /// </summary>
    /// <exception cref="ArgumentException">The batch does not fit the model or has no target.</exception>
    /// <exception cref="InvalidOperationException">The engine has no parameters.</exception>
    /// <exception cref="TrainingException">The loss is not finite; the gradients are as they were.</exception>
    public BatchLoss Accumulate(PackedBatch batch, float klCoefficient = 0)
    {
        if (_parameters is null)
            throw new InvalidOperationException("The engine has no parameters to train.");
        return Pass(batch, klCoefficient, gradients: true);
    }

    /// <summary>Ends the engine's threads.</summary>
    public void Dispose()
    {
    }

    private BatchLoss Pass(PackedBatch batch, float klCoefficient, bool gradients)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.Validate(_model.Shape);
        var positions = PositionsOf(batch);
        if (positions.Count == 0)
            throw new ArgumentException("The batch has no target.", nameof(batch));
        var baseLogits = klCoefficient > 0
            ? new ReferenceTransformer(_model, static tensor => Array.ConvertAll(tensor.Values, static value => (double)value)).Run(batch, positions, 0, null, false).Logits
            : null;
        var transformer = new ReferenceTransformer(_model, Effective);
        var result = transformer.Run(batch, positions, klCoefficient, baseLogits, gradients);
        if (!double.IsFinite(result.Loss) || !double.IsFinite(result.Kl))
            throw new TrainingException($"The loss is {result.Loss} and the KL {result.Kl}: the parameters have left the range of numbers. Lower the learning rate, or clip gradients harder.");
        if (gradients)
        {
            foreach (var tensor in _model.Tensors.Where(_parameters!.Trains))
                _parameters.AddGradient(tensor, Array.ConvertAll(transformer.Gradients[tensor.Name], static value => (float)value));
        }
        var logProbabilities = new float[batch.Tokens.Length];
        for (var row = 0; row < positions.Count; row++)
            logProbabilities[positions[row]] = (float)result.LogProbabilities[row];
        return new BatchLoss(result.Loss, result.Kl, positions.Count, logProbabilities);
    }

    private double[] Effective(ModelTensor tensor)
    {
        if (_parameters is null || !_parameters.Trains(tensor))
            return Array.ConvertAll(tensor.Values, static value => (double)value);
        var effective = new float[tensor.Values.Length];
        _parameters.Compose(tensor, effective);
        return Array.ConvertAll(effective, static value => (double)value);
    }

    private static List<int> PositionsOf(PackedBatch batch) => [.. Enumerable.Range(0, batch.Tokens.Length).Where(t => batch.Targets[t] >= 0)];
}
