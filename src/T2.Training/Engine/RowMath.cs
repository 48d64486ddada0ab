using System.Numerics;

namespace T2.Training;

/// <summary>What is done to single rows, on the CPU's vectors (<see cref="Vector{T}"/>, whatever their width).</summary>
internal static unsafe class RowMath
{
    private static int Lanes => Vector<float>.Count;

    /// <summary>y = w⊙x·s with s = 1/√(mean(x²) + ε), which is returned.</summary>
    public static float RmsNorm(float* x, float* w, float* y, int n, float epsilon)
    {
        var inverse = 1 / MathF.Sqrt(Dot(x, x, n) / n + epsilon);
        var (i, wide) = (0, new Vector<float>(inverse));
        for (; i + Lanes <= n; i += Lanes)
            Vector.Store(Vector.Load(x + i) * wide * Vector.Load(w + i), y + i);
        for (; i < n; i++)
            y[i] = x[i] * inverse * w[i];
        return inverse;
    }

    /// <summary>dx = residual + s·w⊙dy − x·s³/n·Σ(w⊙dy⊙x); <paramref name="residual"/> may be <paramref name="dx"/>, or null for none.</summary>
    public static void RmsNormBackward(float* x, float* w, float* dy, float inverse, float* residual, float* dx, int n)
    {
        var sum = Vector<float>.Zero;
        var (i, dot) = (0, 0f);
        for (; i + Lanes <= n; i += Lanes)
            sum += Vector.Load(w + i) * Vector.Load(dy + i) * Vector.Load(x + i);
        for (; i < n; i++)
            dot += w[i] * dy[i] * x[i];
        var pull = (dot + Vector.Sum(sum)) * inverse * inverse * inverse / n;
        var (scale, back) = (new Vector<float>(inverse), new Vector<float>(pull));
        for (i = 0; i + Lanes <= n; i += Lanes)
        {
            var value = scale * Vector.Load(w + i) * Vector.Load(dy + i) - back * Vector.Load(x + i);
            Vector.Store(residual is null ? value : value + Vector.Load(residual + i), dx + i);
        }
        for (; i < n; i++)
            dx[i] = (residual is null ? 0 : residual[i]) + inverse * w[i] * dy[i] - pull * x[i];
    }

    /// <summary>dw += s·dy⊙x.</summary>
    public static void AddNormGradient(float* x, float* dy, float inverse, float* dw, int n)
    {
        var (i, wide) = (0, new Vector<float>(inverse));
        for (; i + Lanes <= n; i += Lanes)
            Vector.Store(Vector.Load(dw + i) + Vector.Load(dy + i) * Vector.Load(x + i) * wide, dw + i);
        for (; i < n; i++)
            dw[i] += dy[i] * x[i] * inverse;
    }

    /// <summary>product = silu(gate)⊙up.</summary>
    public static void SwiGlu(float* gate, float* up, float* product, long n)
    {
        var i = 0L;
        for (; i + Lanes <= n; i += Lanes)
        {
            var g = Vector.Load(gate + i);
            Vector.Store(g * Sigmoid(g) * Vector.Load(up + i), product + i);
        }
        for (; i < n; i++)
            product[i] = gate[i] * Sigmoid(gate[i]) * up[i];
    }

    /// <summary>The product again, and the gradients of gate and up from the product's.</summary>
    public static void SwiGluBackward(float* gate, float* up, float* dProduct, float* product, float* dGate, float* dUp, long n)
    {
        var i = 0L;
        for (; i + Lanes <= n; i += Lanes)
        {
            var (g, u, d) = (Vector.Load(gate + i), Vector.Load(up + i), Vector.Load(dProduct + i));
            var sigmoid = Sigmoid(g);
            var silu = g * sigmoid;
            Vector.Store(silu * u, product + i);
            Vector.Store(d * silu, dUp + i);
            Vector.Store(d * u * (sigmoid + silu * (Vector<float>.One - sigmoid)), dGate + i);
        }
        for (; i < n; i++)
        {
            var sigmoid = Sigmoid(gate[i]);
            var (silu, d) = (gate[i] * sigmoid, dProduct[i]);
            product[i] = silu * up[i];
            dGate[i] = d * up[i] * (sigmoid + silu * (1 - sigmoid));
            dUp[i] = d * silu;
        }
    }

    public static float Dot(float* x, float* y, int n)
    {
        var sum = Vector<float>.Zero;
        var (i, rest) = (0, 0f);
        for (; i + Lanes <= n; i += Lanes)
            sum += Vector.Load(x + i) * Vector.Load(y + i);
        for (; i < n; i++)
            rest += x[i] * y[i];
        return rest + Vector.Sum(sum);
    }

    /// <summary>y += x.</summary>
    public static void Add(float* x, float* y, int n)
    {
        var i = 0;
        for (; i + Lanes <= n; i += Lanes)
            Vector.Store(Vector.Load(y + i) + Vector.Load(x + i), y + i);
        for (; i < n; i++)
            y[i] += x[i];
    }

    public static float Max(float* x, int n)
    {
        var (i, most) = (0, float.NegativeInfinity);
        if (n >= Lanes)
        {
            var wide = Vector.Load(x);
            for (i = Lanes; i + Lanes <= n; i += Lanes)
                wide = Vector.Max(wide, Vector.Load(x + i));
            for (var lane = 0; lane < Lanes; lane++)
                most = MathF.Max(most, wide[lane]);
        }
        for (; i < n; i++)
            most = MathF.Max(most, x[i]);
        return most;
    }

    /// <summary>y = exp(scale·x − shift); gives the sum. <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public static float Exp(float* x, float scale, float shift, float* y, int n)
    {
        var (sum, wideScale, wideShift) = (Vector<float>.Zero, new Vector<float>(scale), new Vector<float>(shift));
        var (i, rest) = (0, 0f);
        for (; i + Lanes <= n; i += Lanes)
        {
            var value = Vector.Exp(Vector.Load(x + i) * wideScale - wideShift);
            Vector.Store(value, y + i);
            sum += value;
        }
        for (; i < n; i++)
        {
            y[i] = MathF.Exp(scale * x[i] - shift);
            rest += y[i];
        }
        return rest + Vector.Sum(sum);
    }

    /// <summary>x ← factor·x.</summary>
    public static void Scale(float* x, float factor, int n)
    {
        var (i, wide) = (0, new Vector<float>(factor));
        for (; i + Lanes <= n; i += Lanes)
            Vector.Store(Vector.Load(x + i) * wide, x + i);
        for (; i < n; i++)
            x[i] *= factor;
    }

    /// <summary>dp ← p⊙(dp − mean)·scale: the gradient of scores from that of their softmax.</summary>
    public static void SoftmaxBackward(float* p, float* dp, float mean, float scale, int n)
    {
        var (i, wideMean, wideScale) = (0, new Vector<float>(mean), new Vector<float>(scale));
        for (; i + Lanes <= n; i += Lanes)
            Vector.Store(Vector.Load(p + i) * (Vector.Load(dp + i) - wideMean) * wideScale, dp + i);
        for (; i < n; i++)
            dp[i] = p[i] * (dp[i] - mean) * scale;
    }

    private static Vector<float> Sigmoid(Vector<float> x) => Vector<float>.One / (Vector<float>.One + Vector.Exp(-x));

    private static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));
}
