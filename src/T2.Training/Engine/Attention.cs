using T2.Kernels;

namespace T2.Training;

/// <summary>Causal attention within each sequence; a piece of work is one sequence and one key/value head with the query heads that share it.</summary>
internal sealed unsafe class Attention : IDisposable
{
    /// <summary>Query rows whose scores are computed together.</summary>
    private const int QueryRows = 96;

    private readonly ModelShape _shape;
    private readonly FloatBuffer[] _scratch;
    private readonly float _scale;
    private readonly int _group;

    public Attention(ModelShape shape, int members)
    {
        _shape = shape;
        _scratch = [.. Enumerable.Range(0, members).Select(static _ => new FloatBuffer())];
        _scale = 1 / MathF.Sqrt(shape.HeadSize);
        _group = shape.Heads / shape.KvHeads;
    }

    public int Pieces(BatchPlan plan) => plan.Batch.Sequences * _shape.KvHeads;

    public void Forward(BatchPlan plan, LayerCache cache, int piece, int member)
    {
        var (start, length, kvHead) = Locate(plan, piece);
        var (size, wide, narrow) = (_shape.HeadSize, _shape.QueryWidth, _shape.KvWidth);
        var probabilities = _scratch[member].Reserve((long)QueryRows * length);
        var k = cache.Key + (long)start * narrow + kvHead * size;
        var v = cache.Value + (long)start * narrow + kvHead * size;
        for (var head = kvHead * _group; head < (kvHead + 1) * _group; head++)
        {
            for (var first = 0; first < length; first += QueryRows)
            {
                var rows = Math.Min(QueryRows, length - first);
                var keys = first + rows;
                var at = (long)(start + first) * wide + head * size;
                Sgemm.Multiply(rows, keys, size, cache.Query + at, wide, false, k, narrow, true, probabilities, keys, false);
                for (var i = 0; i < rows; i++)
                {
                    var row = probabilities + (long)i * keys;
                    var seen = first + i + 1;
                    var most = RowMath.Max(row, seen) * _scale;
                    var sum = RowMath.Exp(row, _scale, most, row, seen);
                    RowMath.Scale(row, 1 / sum, seen);
                    new Span<float>(row + seen, keys - seen).Clear();
                    cache.LogSum[(long)(start + first + i) * _shape.Heads + head] = most + MathF.Log(sum);
                }
                Sgemm.Multiply(rows, size, keys, probabilities, keys, false, v, narrow, false, cache.Attended + at, wide, false);
            }
        }
    }

    /// <summary>dq, dk and dv of the piece's heads from the gradient of what attention gave; still rotated.</summary>
    public void Backward(BatchPlan plan, LayerCache cache, float* dAttended, float* dQuery, float* dKey, float* dValue, int piece, int member)
    {
        var (start, length, kvHead) = Locate(plan, piece);
        var (size, wide, narrow) = (_shape.HeadSize, _shape.QueryWidth, _shape.KvWidth);
        var probabilities = _scratch[member].Reserve(2L * QueryRows * length);
        var gradients = probabilities + (long)QueryRows * length;
        var offset = (long)start * narrow + kvHead * size;
        var k = cache.Key + offset;
        var v = cache.Value + offset;
        var dk = dKey + offset;
        var dv = dValue + offset;
        for (var t = 0; t < length; t++)
        {
            new Span<float>(dk + (long)t * narrow, size).Clear();
            new Span<float>(dv + (long)t * narrow, size).Clear();
        }
        for (var head = kvHead * _group; head < (kvHead + 1) * _group; head++)
        {
            for (var first = 0; first < length; first += QueryRows)
            {
                var rows = Math.Min(QueryRows, length - first);
                var keys = first + rows;
                var at = (long)(start + first) * wide + head * size;
                var q = cache.Query + at;
                var d = dAttended + at;
                Sgemm.Multiply(rows, keys, size, q, wide, false, k, narrow, true, probabilities, keys, false);
                Sgemm.Multiply(rows, keys, size, d, wide, false, v, narrow, true, gradients, keys, false);
                for (var i = 0; i < rows; i++)
                {
                    var p = probabilities + (long)i * keys;
                    var dp = gradients + (long)i * keys;
                    var seen = first + i + 1;
                    RowMath.Exp(p, _scale, cache.LogSum[(long)(start + first + i) * _shape.Heads + head], p, seen);
                    RowMath.SoftmaxBackward(p, dp, RowMath.Dot(p, dp, seen), _scale, seen);
                    new Span<float>(p + seen, keys - seen).Clear();
                    new Span<float>(dp + seen, keys - seen).Clear();
                }
                Sgemm.Multiply(keys, size, rows, probabilities, keys, true, d, wide, false, dv, narrow, true);
                Sgemm.Multiply(rows, size, keys, gradients, keys, false, k, narrow, false, dQuery + at, wide, false);
                Sgemm.Multiply(keys, size, rows, gradients, keys, true, q, wide, false, dk, narrow, true);
            }
        }
    }

    public void Dispose()
    {
        foreach (var scratch in _scratch)
            scratch.Dispose();
    }

    private (int Start, int Length, int KvHead) Locate(BatchPlan plan, int piece)
    {
        var (sequence, kvHead) = Math.DivRem(piece, _shape.KvHeads);
        var start = plan.Batch.SequenceStart[sequence];
        return (start, plan.Batch.SequenceStart[sequence + 1] - start, kvHead);
    }
}
