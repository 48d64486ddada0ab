namespace T2.Training.Reference;

/// <summary>y = W·x + b for every row of x.</summary>
internal static class ReferenceLinear
{
    public static double[] Forward(double[] x, double[] weight, double[]? bias, int outputs, int inputs)
    {
        var rows = x.Length / inputs;
        var y = new double[rows * outputs];
        for (var t = 0; t < rows; t++)
        {
            for (var o = 0; o < outputs; o++)
            {
                var sum = bias?[o] ?? 0;
                for (var i = 0; i < inputs; i++)
                    sum += weight[o * inputs + i] * x[t * inputs + i];
                y[t * outputs + o] = sum;
            }
        }
        return y;
    }

    /// <summary>Adds dW = dyᵀ·x and db = Σ dy; gives dx = dy·W.</summary>
    public static double[] Backward(double[] x, double[] weight, double[] dy, int outputs, int inputs, double[] dWeight, double[]? dBias)
    {
        var dx = new double[x.Length];
        for (var t = 0; t < x.Length / inputs; t++)
        {
            for (var o = 0; o < outputs; o++)
            {
                var d = dy[t * outputs + o];
                if (dBias is not null)
                    dBias[o] += d;
                for (var i = 0; i < inputs; i++)
                {
                    dWeight[o * inputs + i] += d * x[t * inputs + i];
                    dx[t * inputs + i] += d * weight[o * inputs + i];
                }
            }
        }
        return dx;
    }
}
