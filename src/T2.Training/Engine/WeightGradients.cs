using T2.Kernels;

namespace T2.Training;

/// <summary>
/// Gradients of weights as pieces of work. A piece owns its values and sums over all rows in order, so results do not depend on the number of threads.
/// Weights that are not trained cost nothing.
/// </summary>
internal sealed unsafe class WeightGradients(ModelParameters parameters) : IDisposable
{
    /// <summary>Tile of a weight that one piece computes.</summary>
    private const int TileOutputs = 256, TileInputs = 128;

    private readonly List<Action<int>> _pieces = [];
    private readonly List<(ModelTensor Tensor, FloatBuffer Gradient)> _composed = [];
    private readonly Stack<FloatBuffer> _free = new();

    public int Pieces => _pieces.Count;

    public void Clear() => _pieces.Clear();

    /// <summary>dW = dyᵀ·x for y = x·Wᵀ.</summary>
    public void AddProduct(ModelTensor weight, float* dy, float* x)
    {
        if (!parameters.Trains(weight))
            return;
        var (direct, composed) = Destination(weight);
        for (var o = 0; o < weight.Rows; o += TileOutputs)
        {
            for (var i = 0; i < weight.Columns; i += TileInputs)
            {
                var (output, input) = (o, i);
                _pieces.Add(rows =>
                {
                    var (m, n) = (Math.Min(TileOutputs, weight.Rows - output), Math.Min(TileInputs, weight.Columns - input));
                    var at = (long)output * weight.Columns + input;
                    fixed (float* gradient = direct)
                    {
                        Sgemm.Multiply(
                            m, n, rows, dy + output, weight.Rows, true, x + input, weight.Columns, false,
                            (direct is null ? composed!.Pointer : gradient) + at, weight.Columns, accumulate: direct is not null);
                    }
                });
            }
        }
    }

    /// <summary>dw = Σ s·dy⊙x of a norm.</summary>
    public void AddNorm(ModelTensor norm, float* x, float* dy, float* inverse)
    {
        if (!parameters.Trains(norm))
            return;
        _pieces.Add(rows =>
        {
            fixed (float* gradient = parameters.DirectGradient(norm))
            {
                for (var t = 0; t < rows; t++)
                    RowMath.AddNormGradient(x + (long)t * norm.Columns, dy + (long)t * norm.Columns, inverse[t], gradient, norm.Columns);
            }
        });
    }

    /// <summary>The same for a norm that only some rows of <paramref name="x"/> passed; dy and inverse hold just those.</summary>
    public void AddGatheredNorm(ModelTensor norm, float* x, int[] rows, float* dy, float* inverse)
    {
        if (!parameters.Trains(norm))
            return;
        _pieces.Add(count =>
        {
            fixed (float* gradient = parameters.DirectGradient(norm))
            {
                for (var row = 0; row < count; row++)
                    RowMath.AddNormGradient(x + (long)rows[row] * norm.Columns, dy + (long)row * norm.Columns, inverse[row], gradient, norm.Columns);
            }
        });
    }

    /// <summary>dE of the embedding: each row of <paramref name="dx"/> goes to its token's. A piece is a slice of columns.</summary>
    public void AddEmbedding(ModelTensor embedding, int[] tokens, float* dx)
    {
        if (!parameters.Trains(embedding))
            return;
        for (var slice = 0; slice < embedding.Columns; slice += 64)
        {
            var first = slice;
            _pieces.Add(rows =>
            {
                var width = Math.Min(64, embedding.Columns - first);
                fixed (float* gradient = parameters.DirectGradient(embedding))
                {
                    for (var t = 0; t < rows; t++)
                        RowMath.Add(dx + (long)t * embedding.Columns + first, gradient + (long)tokens[t] * embedding.Columns + first, width);
                }
            });
        }
    }

    /// <summary>db = Σ dy of a bias.</summary>
    public void AddSum(ModelTensor? bias, float* dy)
    {
        if (bias is null || !parameters.Trains(bias))
            return;
        _pieces.Add(rows =>
        {
            fixed (float* gradient = parameters.DirectGradient(bias))
            {
                for (var t = 0; t < rows; t++)
                    RowMath.Add(dy + (long)t * bias.Columns, gradient, bias.Columns);
            }
        });
    }

    public void Compute(int piece, int rows) => _pieces[piece](rows);

    /// <summary>Hands finished gradients of composed weights to the parameters.</summary>
    public void Finish(WorkTeam team)
    {
        if (_composed.Count == 0)
            return;
        team.Run(_composed.Count, (at, _) =>
        {
            var (tensor, gradient) = _composed[at];
            parameters.AddGradient(tensor, new ReadOnlySpan<float>(gradient.Pointer, tensor.Values.Length));
        });
        foreach (var (_, gradient) in _composed)
            _free.Push(gradient);
        _composed.Clear();
    }

    public void Dispose()
    {
        foreach (var buffer in _free)
            buffer.Dispose();
        foreach (var (_, buffer) in _composed)
            buffer.Dispose();
    }

    private (float[]? Direct, FloatBuffer? Composed) Destination(ModelTensor weight)
    {
        if (parameters.DirectGradient(weight) is { } direct)
            return (direct, null);
        var buffer = _free.TryPop(out var free) ? free : new FloatBuffer();
        buffer.Reserve(weight.Values.LongLength);
        _composed.Add((weight, buffer));
        return (null, buffer);
    }
}
