namespace T2.Training;

/// <summary>
/// A block forward and backward. Rows go through a chain of operations in blocks of <see cref="BatchPlan.BlockRows"/>, so that what one writes the next finds
/// in the cache; the team meets between chains only where rows depend on one another: before and after attention.
/// </summary>
internal sealed unsafe class LayerPass : IDisposable
{
    private readonly TrainingModel _model;
    private readonly ModelShape _shape;
    private readonly WorkTeam _team;
    private readonly RotaryTable _rotary;
    private readonly Attention _attention;
    private readonly PackedWeight[] _packed = [.. Enumerable.Range(0, 7).Select(static _ => new PackedWeight())];
    private readonly FloatBuffer[] _scratch;

    public LayerPass(TrainingModel model, WorkTeam team)
    {
        _model = model;
        _shape = model.Shape;
        _team = team;
        _rotary = new RotaryTable(model);
        _attention = new Attention(_shape, team.Members);
        _scratch = [.. Enumerable.Range(0, team.Members).Select(static _ => new FloatBuffer())];
    }

    /// <summary>From <see cref="LayerCache.Input"/> to <paramref name="output"/> (rows × embedding).</summary>
    public void Forward(BatchPlan plan, int layer, Func<ModelTensor, float[]> values, LayerCache cache, float* output)
    {
        var (weights, s) = (_model.Layers[layer], _shape);
        _rotary.Reserve(plan.LongestSequence);
        Pack(weights, values, backward: false);
        _team.Run(plan.Blocks, (block, _) =>
        {
            var (first, rows) = plan.Block(block);
            Normalise(cache.Input, weights.AttentionNorm, cache.Normed, cache.NormedInverse, first, rows);
            var x = cache.Normed + (long)first * s.Embedding;
            var q = cache.Query + (long)first * s.QueryWidth;
            var k = cache.Key + (long)first * s.KvWidth;
            var v = cache.Value + (long)first * s.KvWidth;
            _packed[0].Multiply(x, q, rows);
            _packed[1].Multiply(x, k, rows);
            _packed[2].Multiply(x, v, rows);
            AddBias(weights.QueryBias, q, rows);
            AddBias(weights.KeyBias, k, rows);
            AddBias(weights.ValueBias, v, rows);
            Rotate(plan, q, k, first, rows, 1);
        });
        _team.Run(_attention.Pieces(plan), (piece, member) => _attention.Forward(plan, cache, piece, member));
        _team.Run(plan.Blocks, (block, member) =>
        {
            var (first, rows) = plan.Block(block);
            var at = (long)first * s.Embedding;
            Copy(cache.Input + at, cache.Middle + at, (long)rows * s.Embedding);
            _packed[3].Multiply(cache.Attended + (long)first * s.QueryWidth, cache.Middle + at, rows, accumulate: true);
            Normalise(cache.Middle, weights.FeedForwardNorm, cache.MiddleNormed, cache.MiddleInverse, first, rows);
            var gate = cache.Gate + (long)first * s.FeedForward;
            var up = cache.Up + (long)first * s.FeedForward;
            _packed[4].Multiply(cache.MiddleNormed + at, gate, rows);
            _packed[5].Multiply(cache.MiddleNormed + at, up, rows);
            var product = _scratch[member].Reserve((long)BatchPlan.BlockRows * s.FeedForward);
            RowMath.SwiGlu(gate, up, product, (long)rows * s.FeedForward);
            Copy(cache.Middle + at, output + at, (long)rows * s.Embedding);
            _packed[6].Multiply(product, output + at, rows, accumulate: true);
        });
    }

    /// <summary>Turns the gradient of the output, in <see cref="GradientBuffers.Stream"/>, into that of the input, in the same place.</summary>
    public void Backward(BatchPlan plan, int layer, Func<ModelTensor, float[]> values, LayerCache cache, GradientBuffers g, WeightGradients gradients)
    {
        var (weights, s) = (_model.Layers[layer], _shape);
        Pack(weights, values, backward: true);
        _team.Run(plan.Blocks, (block, member) =>
        {
            var (first, rows) = plan.Block(block);
            var (at, wide) = ((long)first * s.Embedding, (long)first * s.FeedForward);
            var dProduct = _scratch[member].Reserve((long)BatchPlan.BlockRows * s.FeedForward);
            _packed[6].Multiply(g.Stream + at, dProduct, rows);
            RowMath.SwiGluBackward(cache.Gate + wide, cache.Up + wide, dProduct, g.Product + wide, g.Gate + wide, g.Up + wide, (long)rows * s.FeedForward);
            _packed[4].Multiply(g.Gate + wide, g.MiddleNormed + at, rows);
            _packed[5].Multiply(g.Up + wide, g.MiddleNormed + at, rows, accumulate: true);
            NormaliseBackward(cache.Middle, weights.FeedForwardNorm, cache.MiddleInverse, g.MiddleNormed, g.Stream, g.Middle, first, rows);
            _packed[3].Multiply(g.Middle + at, g.Attended + (long)first * s.QueryWidth, rows);
        });
        gradients.Clear();
        gradients.AddProduct(weights.Down, g.Stream, g.Product);
        gradients.AddProduct(weights.Gate, g.Gate, cache.MiddleNormed);
        gradients.AddProduct(weights.Up, g.Up, cache.MiddleNormed);
        gradients.AddProduct(weights.AttentionOutput, g.Middle, cache.Attended);
        gradients.AddNorm(weights.FeedForwardNorm, cache.Middle, g.MiddleNormed, cache.MiddleInverse);
        // The large pieces first: the small ones then fill the time until the last large one ends.
        var pieces = gradients.Pieces;
        _team.Run(pieces + _attention.Pieces(plan), (piece, member) =>
        {
            if (piece < pieces)
                gradients.Compute(piece, plan.Rows);
            else
                _attention.Backward(plan, cache, g.Attended, g.Query, g.Key, g.Value, piece - pieces, member);
        });
        gradients.Finish(_team);
        _team.Run(plan.Blocks, (block, _) =>
        {
            var (first, rows) = plan.Block(block);
            var at = (long)first * s.Embedding;
            var q = g.Query + (long)first * s.QueryWidth;
            var k = g.Key + (long)first * s.KvWidth;
            var v = g.Value + (long)first * s.KvWidth;
            Rotate(plan, q, k, first, rows, -1);
            _packed[0].Multiply(q, g.Normed + at, rows);
            _packed[1].Multiply(k, g.Normed + at, rows, accumulate: true);
            _packed[2].Multiply(v, g.Normed + at, rows, accumulate: true);
            NormaliseBackward(cache.Input, weights.AttentionNorm, cache.NormedInverse, g.Normed, g.Middle, g.Stream, first, rows);
        });
        gradients.Clear();
        gradients.AddProduct(weights.Query, g.Query, cache.Normed);
        gradients.AddProduct(weights.Key, g.Key, cache.Normed);
        gradients.AddProduct(weights.Value, g.Value, cache.Normed);
        gradients.AddSum(weights.QueryBias, g.Query);
        gradients.AddSum(weights.KeyBias, g.Key);
        gradients.AddSum(weights.ValueBias, g.Value);
        gradients.AddNorm(weights.AttentionNorm, cache.Input, g.Normed, cache.NormedInverse);
        _team.Run(gradients.Pieces, (piece, _) => gradients.Compute(piece, plan.Rows));
        gradients.Finish(_team);
    }

    public void Dispose()
    {
        _rotary.Dispose();
        _attention.Dispose();
        foreach (var packed in _packed)
            packed.Dispose();
        foreach (var scratch in _scratch)
            scratch.Dispose();
    }

    private void Pack(LayerWeights w, Func<ModelTensor, float[]> values, bool backward)
    {
        ModelTensor[] tensors = [w.Query, w.Key, w.Value, w.AttentionOutput, w.Gate, w.Up, w.Down];
        _team.Run(tensors.Length, (at, _) => _packed[at].Pack(tensors[at], values(tensors[at]), backward));
    }

    private void Normalise(float* x, ModelTensor norm, float* y, float* inverse, int first, int rows)
    {
        fixed (float* w = norm.Values)
        {
            for (var t = first; t < first + rows; t++)
                inverse[t] = RowMath.RmsNorm(x + (long)t * _shape.Embedding, w, y + (long)t * _shape.Embedding, _shape.Embedding, _shape.RmsEpsilon);
        }
    }

    private void NormaliseBackward(float* x, ModelTensor norm, float* inverse, float* dy, float* residual, float* dx, int first, int rows)
    {
        var n = _shape.Embedding;
        fixed (float* w = norm.Values)
        {
            for (var t = first; t < first + rows; t++)
                RowMath.RmsNormBackward(x + (long)t * n, w, dy + (long)t * n, inverse[t], residual + (long)t * n, dx + (long)t * n, n);
        }
    }

    private void Rotate(BatchPlan plan, float* q, float* k, int first, int rows, float direction)
    {
        for (var t = 0; t < rows; t++)
        {
            _rotary.Rotate(q + (long)t * _shape.QueryWidth, _shape.Heads, plan.Positions[first + t], direction);
            _rotary.Rotate(k + (long)t * _shape.KvWidth, _shape.KvHeads, plan.Positions[first + t], direction);
        }
    }

    private static void AddBias(ModelTensor? bias, float* y, int rows)
    {
        if (bias is null)
            return;
        fixed (float* b = bias.Values)
        {
            for (var t = 0; t < rows; t++)
                RowMath.Add(b, y + (long)t * bias.Columns, bias.Columns);
        }
    }

    private static void Copy(float* from, float* to, long count) => Buffer.MemoryCopy(from, to, count * sizeof(float), count * sizeof(float));
}
