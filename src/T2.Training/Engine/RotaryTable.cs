namespace T2.Training;

/// <summary>Cosine and sine of every position's angle position·base^(−2i/n)/factorᵢ, in fp32 from fp64.</summary>
internal sealed unsafe class RotaryTable(TrainingModel model) : IDisposable
{
    private readonly int _pairs = model.Shape.RopeDimensions / 2;
    private readonly bool _neighbours = model.Shape.RopeLayout == RopeLayout.Normal;
    private readonly int _headSize = model.Shape.HeadSize;
    private readonly FloatBuffer _table = new();
    private int _positions;

    /// <summary>Makes room for sequences of <paramref name="positions"/>.</summary>
    public void Reserve(int positions)
    {
        if (positions <= _positions)
            return;
        var table = _table.Reserve(2L * positions * _pairs);
        for (var position = 0; position < positions; position++)
        {
            for (var i = 0; i < _pairs; i++)
            {
                var angle = position * Math.Pow(model.Shape.RopeBase, -(double)i / _pairs) / (model.RopeFactors?[i] ?? 1);
                table[2 * (position * _pairs + i)] = (float)Math.Cos(angle);
                table[2 * (position * _pairs + i) + 1] = (float)Math.Sin(angle);
            }
        }
        _positions = positions;
    }

    /// <summary>Turns the heads of one row, back with <paramref name="direction"/> −1.</summary>
    public void Rotate(float* row, int heads, int position, float direction)
    {
        var turns = _table.Pointer + 2L * position * _pairs;
        var (step, far) = _neighbours ? (2, 1) : (1, _pairs);
        for (var head = 0; head < heads; head++, row += _headSize)
        {
            for (var i = 0; i < _pairs; i++)
            {
                var (cos, sin) = (turns[2 * i], direction * turns[2 * i + 1]);
                var (x, y) = (row[i * step], row[i * step + far]);
                row[i * step] = x * cos - y * sin;
                row[i * step + far] = x * sin + y * cos;
            }
        }
    }

    public void Dispose() => _table.Dispose();
}
