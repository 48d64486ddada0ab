namespace T2.Training;

/// <summary>Gradients on the way back through one block, row by row; shared by all blocks.</summary>
internal sealed unsafe class GradientBuffers(ModelShape shape) : IDisposable
{
    private readonly FloatBuffer[] _buffers = [.. Enumerable.Range(0, 11).Select(static _ => new FloatBuffer())];

    /// <summary>Of the residual stream at the block's end, then at its start.</summary>
    public float* Stream => _buffers[0].Pointer;

    /// <summary>Of the residual stream between the halves.</summary>
    public float* Middle => _buffers[1].Pointer;

    /// <summary>Of the two norms' results.</summary>
    public float* Normed => _buffers[2].Pointer;

    /// <inheritdoc cref="Normed"/>
    public float* MiddleNormed => _buffers[3].Pointer;

    /// <summary>Of q, k, v, and of what attention gives.</summary>
    public float* Query => _buffers[4].Pointer;

    /// <inheritdoc cref="Query"/>
    public float* Key => _buffers[5].Pointer;

    /// <inheritdoc cref="Query"/>
    public float* Value => _buffers[6].Pointer;

    /// <inheritdoc cref="Query"/>
    public float* Attended => _buffers[7].Pointer;

    /// <summary>Of gate and up.</summary>
    public float* Gate => _buffers[8].Pointer;

    /// <inheritdoc cref="Gate"/>
    public float* Up => _buffers[9].Pointer;

    /// <summary>silu(gate)⊙up once more: the forward pass does not keep it.</summary>
    public float* Product => _buffers[10].Pointer;

    public void Reserve(int rows)
    {
        int[] widths =
        [
            shape.Embedding, shape.Embedding, shape.Embedding, shape.Embedding,
            shape.QueryWidth, shape.KvWidth, shape.KvWidth, shape.QueryWidth, shape.FeedForward, shape.FeedForward, shape.FeedForward,
        ];
        for (var i = 0; i < widths.Length; i++)
            _buffers[i].Reserve((long)rows * widths[i]);
    }

    public void Dispose()
    {
        foreach (var buffer in _buffers)
            buffer.Dispose();
    }
}
