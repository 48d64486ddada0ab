namespace T2.Training.Reference;

/// <summary>RMSNorm: y = w⊙x / √(mean(x²) + ε).</summary>
internal sealed class ReferenceNorm(double[] weight, double epsilon)
{
    public double[] Forward(double[] x)
    {
        var y = new double[x.Length];
        for (var at = 0; at < x.Length; at += weight.Length)
        {
            var inverse = Inverse(x, at);
            for (var i = 0; i < weight.Length; i++)
                y[at + i] = weight[i] * x[at + i] * inverse;
        }
        return y;
    }

    /// <summary>dx = s·w⊙dy − x·s³/n·Σ(w⊙dy⊙x) with s = 1/√(mean(x²) + ε); adds dw = Σ s·dy⊙x.</summary>
    public double[] Backward(double[] x, double[] dy, double[] dWeight)
    {
        var dx = new double[x.Length];
        var n = weight.Length;
        for (var at = 0; at < x.Length; at += n)
        {
            var inverse = Inverse(x, at);
            var dot = 0.0;
            for (var i = 0; i < n; i++)
            {
                dot += weight[i] * dy[at + i] * x[at + i];
                dWeight[i] += dy[at + i] * x[at + i] * inverse;
            }
            for (var i = 0; i < n; i++)
                dx[at + i] = inverse * weight[i] * dy[at + i] - x[at + i] * inverse * inverse * inverse / n * dot;
        }
        return dx;
    }

    private double Inverse(double[] x, int at)
    {
        var sum = 0.0;
        for (var i = 0; i < weight.Length; i++)
            sum += x[at + i] * x[at + i];
        return 1 / Math.Sqrt(sum / weight.Length + epsilon);
    }
}
