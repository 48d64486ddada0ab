namespace T2.Training;

/// <summary>
/// From the residual stream to logits, loss and back: only the rows with a target pass, in blocks, so the logits of a large vocabulary are never all in memory
/// (unless the output matrix itself is trained).
/// </summary>
internal sealed unsafe class HeadPass : IDisposable
{
    /// <summary>Values of logits that a block may take.</summary>
    private const int BlockValues = 1 << 21;

    private readonly TrainingModel _model;
    private readonly ModelShape _shape;
    private readonly WorkTeam _team;
    private readonly PackedWeight _forward = new(), _backward = new();
    private readonly FloatBuffer _hidden = new(), _inverse = new(), _dHidden = new(), _dLogits = new();
    private readonly FloatBuffer[] _scratch;
    private readonly int _blockRows;

    public HeadPass(TrainingModel model, WorkTeam team)
    {
        _model = model;
        _shape = model.Shape;
        _team = team;
        _blockRows = Math.Clamp(BlockValues / _shape.VocabularySize, 1, BatchPlan.BlockRows);
        _scratch = [.. Enumerable.Range(0, team.Members).Select(static _ => new FloatBuffer())];
    }

    /// <summary>The last norm of the target rows of <paramref name="stream"/>, in <paramref name="hidden"/>; and 1/rms if wanted.</summary>
    public void Normalise(BatchPlan plan, float* stream, float* hidden, float* inverse)
    {
        var (rows, d) = (plan.TargetRows, _shape.Embedding);
        Blocks(rows.Length, (first, count, _) =>
        {
            fixed (float* w = _model.OutputNorm.Values)
            {
                for (var row = first; row < first + count; row++)
                {
                    var scale = RowMath.RmsNorm(stream + (long)rows[row] * d, w, hidden + (long)row * d, d, _shape.RmsEpsilon);
                    if (inverse is not null)
                        inverse[row] = scale;
                }
            }
        });
    }

    public float[] Logits(BatchPlan plan, float* stream)
    {
        var (count, v) = (plan.TargetRows.Length, _shape.VocabularySize);
        var logits = new float[checked(count * v)];
        var hidden = _hidden.Reserve((long)count * _shape.Embedding);
        Normalise(plan, stream, hidden, null);
        _forward.Pack(_model.Head, _model.Head.Values, backward: false);
        fixed (float* start = logits)
        {
            var to = start;
            Blocks(count, (first, rows, _) => _forward.Multiply(hidden + (long)first * _shape.Embedding, to + (long)first * v, rows));
        }
        return logits;
    }

    /// <summary>The loss of the target rows; with <paramref name="gradients"/> also its gradient on the residual stream, in <paramref name="dStream"/>.</summary>
    /// <param name="plan">The batch.</param>
    /// <param name="stream">Residual stream after the last block.</param>
    /// <param name="baseHidden">The base's normed target rows; null for no KL.</param>
    /// <param name="klCoefficient">λ.</param>
    /// <param name="gradients">Where gradients of head and norm go; null for none at all.</param>
    /// <param name="trainsHead">Whether the output matrix is trained: its gradient needs the logits' of all rows.</param>
    /// <param name="dStream">Receives the gradient.</param>
    public BatchLoss Evaluate(BatchPlan plan, float* stream, float* baseHidden, float klCoefficient, WeightGradients? gradients, bool trainsHead, float* dStream)
    {
        var (rows, d, v) = (plan.TargetRows, _shape.Embedding, _shape.VocabularySize);
        var (losses, divergences, logProbabilities) = (new double[rows.Length], new double[rows.Length], new float[plan.Rows]);
        var hidden = _hidden.Reserve((long)rows.Length * d);
        var inverse = _inverse.Reserve(rows.Length);
        var dHidden = gradients is null ? null : _dHidden.Reserve((long)rows.Length * d);
        var kept = gradients is not null && trainsHead ? _dLogits.Reserve((long)rows.Length * v) : null;
        Normalise(plan, stream, hidden, inverse);
        _forward.Pack(_model.Head, _model.Head.Values, backward: false);
        if (gradients is not null)
        {
            _backward.Pack(_model.Head, _model.Head.Values, backward: true);
            new Span<byte>(dStream, checked(plan.Rows * d * sizeof(float))).Clear();
        }
        Blocks(rows.Length, (first, count, member) =>
        {
            var scratch = _scratch[member].Reserve(2L * _blockRows * v);
            var logits = kept is null ? scratch : kept + (long)first * v;
            _forward.Multiply(hidden + (long)first * d, logits, count);
            var baseLogits = baseHidden is null ? null : scratch + (long)_blockRows * v;
            if (baseLogits is not null)
                _forward.Multiply(baseHidden + (long)first * d, baseLogits, count);
            for (var row = 0; row < count; row++)
            {
                var t = rows[first + row];
                var token = LossRow.Evaluate(
                    logits + (long)row * v, baseLogits is null ? null : baseLogits + (long)row * v, v, plan.Batch.Targets[t], plan.Batch.Weights[t], klCoefficient);
                logProbabilities[t] = token.LogProbability;
                losses[first + row] = -(double)plan.Batch.Weights[t] * token.LogProbability;
                divergences[first + row] = token.Kl;
            }
            if (gradients is null)
                return;
            _backward.Multiply(logits, dHidden + (long)first * d, count);
            fixed (float* w = _model.OutputNorm.Values)
            {
                for (var row = first; row < first + count; row++)
                {
                    var at = (long)rows[row] * d;
                    RowMath.RmsNormBackward(stream + at, w, dHidden + (long)row * d, inverse[row], null, dStream + at, d);
                }
            }
        });
        if (gradients is not null)
        {
            gradients.Clear();
            gradients.AddProduct(_model.Head, kept, hidden);
            gradients.AddGatheredNorm(_model.OutputNorm, stream, rows, dHidden, inverse);
            _team.Run(gradients.Pieces, (piece, _) => gradients.Compute(piece, rows.Length));
        }
        return new BatchLoss(losses.Sum(), divergences.Sum(), rows.Length, logProbabilities);
    }

    public void Dispose()
    {
        foreach (var buffer in (FloatBuffer[])[_hidden, _inverse, _dHidden, _dLogits, .. _scratch])
            buffer.Dispose();
        _forward.Dispose();
        _backward.Dispose();
    }

    private void Blocks(int rows, Action<int, int, int> work) =>
        _team.Run((rows + _blockRows - 1) / _blockRows, (block, member) => work(block * _blockRows, Math.Min(_blockRows, rows - block * _blockRows), member));
}
