namespace T2.Training;

/// <summary>What a block's forward pass leaves for its backward pass, row by row.</summary>
internal sealed unsafe class LayerCache(ModelShape shape) : IDisposable
{
    private readonly FloatBuffer _buffer = new();

    /// <summary>The block's input (rows × embedding).</summary>
    public float* Input;

    /// <summary>After the first norm, and 1/rms of each row.</summary>
    public float* Normed, NormedInverse;

    /// <summary>Rotated q and k, and v.</summary>
    public float* Query, Key, Value;

    /// <summary>log Σ exp of each row's and head's scores.</summary>
    public float* LogSum;

    /// <summary>What attention gives, before attn_output.</summary>
    public float* Attended;

    /// <summary>The residual stream between the halves; after the second norm; 1/rms.</summary>
    public float* Middle, MiddleNormed, MiddleInverse;

    /// <summary>Gate and up.</summary>
    public float* Gate, Up;

    public void Reserve(int rows)
    {
        var (d, q, kv, ff) = (Align(shape.Embedding * (long)rows), Align(shape.QueryWidth * (long)rows), Align(shape.KvWidth * (long)rows), Align(shape.FeedForward * (long)rows));
        var (row, heads) = (Align(rows), Align(rows * (long)shape.Heads));
        var at = _buffer.Reserve(4 * d + 2 * row + 2 * q + 2 * kv + heads + 2 * ff);
        float* Next(long length)
        {
            var start = at;
            at += length;
            return start;
        }
        Input = Next(d);
        Normed = Next(d);
        NormedInverse = Next(row);
        Query = Next(q);
        Key = Next(kv);
        Value = Next(kv);
        LogSum = Next(heads);
        Attended = Next(q);
        Middle = Next(d);
        MiddleNormed = Next(d);
        MiddleInverse = Next(row);
        Gate = Next(ff);
        Up = Next(ff);
    }

    public void Dispose() => _buffer.Dispose();

    private static long Align(long length) => (length + 15) / 16 * 16;
}
