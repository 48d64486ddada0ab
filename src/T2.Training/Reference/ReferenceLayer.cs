namespace T2.Training.Reference;

/// <summary>One block: x + attention(norm(x)), then the same with SwiGLU.</summary>
internal sealed class ReferenceLayer(
    TrainingModel model, LayerWeights layer, Func<ModelTensor, double[]> weights, PackedBatch batch, (int Start, int Position)[] places)
{
    private readonly ModelShape _shape = model.Shape;
    private readonly ReferenceNorm _attentionNorm = new(weights(layer.AttentionNorm), model.Shape.RmsEpsilon);
    private readonly ReferenceNorm _feedForwardNorm = new(weights(layer.FeedForwardNorm), model.Shape.RmsEpsilon);
    private double[] _x = [], _normed = [], _q = [], _k = [], _v = [], _attended = [], _middle = [], _middleNormed = [], _gate = [], _up = [], _product = [];

    public double[] Forward(double[] x)
    {
        _x = x;
        _normed = _attentionNorm.Forward(x);
        _q = Linear(_normed, layer.Query, layer.QueryBias);
        _k = Linear(_normed, layer.Key, layer.KeyBias);
        _v = Linear(_normed, layer.Value, layer.ValueBias);
        Rotate(_q, _shape.Heads, 1);
        Rotate(_k, _shape.KvHeads, 1);
        _attended = new double[batch.Tokens.Length * _shape.QueryWidth];
        Attend((t, head, probabilities) =>
        {
            for (var j = 0; j < probabilities.Length; j++)
            {
                for (var c = 0; c < _shape.HeadSize; c++)
                    _attended[Q(t, head) + c] += probabilities[j] * _v[Kv(places[t].Start + j, head) + c];
            }
        });
        _middle = Sum(x, Linear(_attended, layer.AttentionOutput, null));
        _middleNormed = _feedForwardNorm.Forward(_middle);
        _gate = Linear(_middleNormed, layer.Gate, null);
        _up = Linear(_middleNormed, layer.Up, null);
        _product = [.. _gate.Select((gate, i) => gate * Sigmoid(gate) * _up[i])];
        return Sum(_middle, Linear(_product, layer.Down, null));
    }

    public double[] Backward(double[] dy, Func<ModelTensor, double[]> gradient)
    {
        var dProduct = Back(_product, layer.Down, null, dy, gradient);
        var (dGate, dUp) = (new double[_gate.Length], new double[_gate.Length]);
        for (var i = 0; i < _gate.Length; i++)
        {
            var sigmoid = Sigmoid(_gate[i]);
            dUp[i] = dProduct[i] * _gate[i] * sigmoid;
            dGate[i] = dProduct[i] * _up[i] * sigmoid * (1 + _gate[i] * (1 - sigmoid));
        }
        var dMiddleNormed = Sum(Back(_middleNormed, layer.Gate, null, dGate, gradient), Back(_middleNormed, layer.Up, null, dUp, gradient));
        var dMiddle = Sum(dy, _feedForwardNorm.Backward(_middle, dMiddleNormed, gradient(layer.FeedForwardNorm)));
        var dAttended = Back(_attended, layer.AttentionOutput, null, dMiddle, gradient);
        var (dq, dk, dv) = (new double[_q.Length], new double[_k.Length], new double[_v.Length]);
        var scale = 1 / Math.Sqrt(_shape.HeadSize);
        Attend((t, head, probabilities) =>
        {
            var dProbability = new double[probabilities.Length];
            for (var j = 0; j < probabilities.Length; j++)
            {
                for (var c = 0; c < _shape.HeadSize; c++)
                {
                    dProbability[j] += dAttended[Q(t, head) + c] * _v[Kv(places[t].Start + j, head) + c];
                    dv[Kv(places[t].Start + j, head) + c] += probabilities[j] * dAttended[Q(t, head) + c];
                }
            }
            var mean = probabilities.Select((p, j) => p * dProbability[j]).Sum();
            for (var j = 0; j < probabilities.Length; j++)
            {
                var dScore = probabilities[j] * (dProbability[j] - mean) * scale;
                for (var c = 0; c < _shape.HeadSize; c++)
                {
                    dq[Q(t, head) + c] += dScore * _k[Kv(places[t].Start + j, head) + c];
                    dk[Kv(places[t].Start + j, head) + c] += dScore * _q[Q(t, head) + c];
                }
            }
        });
        Rotate(dq, _shape.Heads, -1);
        Rotate(dk, _shape.KvHeads, -1);
        var dNormed = Sum(
            Back(_normed, layer.Query, layer.QueryBias, dq, gradient),
            Sum(Back(_normed, layer.Key, layer.KeyBias, dk, gradient), Back(_normed, layer.Value, layer.ValueBias, dv, gradient)));
        return Sum(dMiddle, _attentionNorm.Backward(_x, dNormed, gradient(layer.AttentionNorm)));
    }

    /// <summary>Calls <paramref name="visit"/> with the attention probabilities of every position and head over its sequence up to itself.</summary>
    private void Attend(Action<int, int, double[]> visit)
    {
        var scale = 1 / Math.Sqrt(_shape.HeadSize);
        for (var t = 0; t < batch.Tokens.Length; t++)
        {
            var (start, position) = places[t];
            for (var head = 0; head < _shape.Heads; head++)
            {
                var scores = new double[position + 1];
                for (var j = 0; j <= position; j++)
                {
                    for (var c = 0; c < _shape.HeadSize; c++)
                        scores[j] += _q[Q(t, head) + c] * _k[Kv(start + j, head) + c] * scale;
                }
                var most = scores.Max();
                var exponentials = scores.Select(score => Math.Exp(score - most)).ToArray();
                var sum = exponentials.Sum();
                visit(t, head, [.. exponentials.Select(value => value / sum)]);
            }
        }
    }

    /// <summary>Turns each pair by position·base^(−2i/n), or back by it where <paramref name="direction"/> is −1.</summary>
    private void Rotate(double[] values, int heads, int direction)
    {
        var n = _shape.RopeDimensions;
        for (var t = 0; t < batch.Tokens.Length; t++)
        {
            for (var head = 0; head < heads; head++)
            {
                var at = (t * heads + head) * _shape.HeadSize;
                for (var i = 0; i < n / 2; i++)
                {
                    var angle = direction * places[t].Position * Math.Pow(_shape.RopeBase, -2.0 * i / n) / (model.RopeFactors?[i] ?? 1.0);
                    var (first, second) = _shape.RopeLayout == RopeLayout.Normal ? (at + 2 * i, at + 2 * i + 1) : (at + i, at + i + n / 2);
                    (values[first], values[second]) = (
                        values[first] * Math.Cos(angle) - values[second] * Math.Sin(angle),
                        values[first] * Math.Sin(angle) + values[second] * Math.Cos(angle));
                }
            }
        }
    }

    private int Q(int t, int head) => (t * _shape.Heads + head) * _shape.HeadSize;

    private int Kv(int t, int head) => (t * _shape.KvHeads + head / (_shape.Heads / _shape.KvHeads)) * _shape.HeadSize;

    private double[] Linear(double[] x, ModelTensor weight, ModelTensor? bias) =>
        ReferenceLinear.Forward(x, weights(weight), bias is null ? null : weights(bias), weight.Rows, weight.Columns);

    private double[] Back(double[] x, ModelTensor weight, ModelTensor? bias, double[] dy, Func<ModelTensor, double[]> gradient) =>
        ReferenceLinear.Backward(x, weights(weight), dy, weight.Rows, weight.Columns, gradient(weight), bias is null ? null : gradient(bias));

    private static double[] Sum(double[] a, double[] b) => [.. a.Select((value, i) => value + b[i])];

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}
