namespace T2.Training;

/// <summary>The numbers an optimiser moves to train z, 0 at the base: weight decay pulls towards the base, and moments see one scale.</summary>
internal abstract class SvfCoordinates(SvfParameters z) : TrainableParameters
{
    /// <inheritdoc/>
    public override IReadOnlyList<ParameterTensor> Tensors { get; } = [.. z.Tensors.Select(static tensor => new ParameterTensor(tensor.Name, tensor.Rows, tensor.Columns))];

    /// <summary>z itself, which the engine differentiates by.</summary>
    protected SvfParameters Z { get; } = z;

    /// <summary>∂loss/∂coordinates from the engine's ∂loss/∂z.</summary>
    internal abstract void Gather();

    /// <summary>z from the coordinates.</summary>
    internal abstract void Apply();
}

/// <summary>z = 1 + c.</summary>
internal sealed class DirectCoordinates(SvfParameters z) : SvfCoordinates(z)
{
    internal override void Gather()
    {
        for (int index = 0; index < Tensors.Count; index++)
            Z.Tensors[index].Gradient.CopyTo(Tensors[index].Gradient, 0);
    }

    internal override void Apply()
    {
        for (int index = 0; index < Tensors.Count; index++)
        {
            float[] z = Z.Tensors[index].Values;
            float[] c = Tensors[index].Values;
            for (int i = 0; i < z.Length; i++)
                z[i] = 1 + c[i];
        }
    }
}

/// <summary>
/// The reference implementation's parametrisation, with its p = 0.1 + c: m = sigmoid(p), z = m·Σσ / Σ(σ⊙m). It starts at z = 1 exactly, without the
/// reference's noise of 0.01.
/// </summary>
/// <param name="z">z itself.</param>
/// <param name="singularValues">σ of each weight, in the order of z's tensors.</param>
internal sealed class SigmoidCoordinates(SvfParameters z, IReadOnlyList<ReadOnlyMemory<double>> singularValues) : SvfCoordinates(z)
{
    private const double Start = 0.1;

    internal override void Gather()
    {
        for (int index = 0; index < Tensors.Count; index++)
        {
            var sigma = singularValues[index].Span;
            float[] c = Tensors[index].Values;
            float[] byZ = Z.Tensors[index].Gradient;
            float[] byC = Tensors[index].Gradient;
            var (total, masked) = Sums(sigma, c);
            double inner = 0;
            for (int i = 0; i < c.Length; i++)
                inner += byZ[i] * Mask(c[i]);
            for (int i = 0; i < c.Length; i++)
            {
                double m = Mask(c[i]);
                byC[i] = (float)(total / masked * (byZ[i] - sigma[i] * inner / masked) * m * (1 - m));
            }
        }
    }

    internal override void Apply()
    {
        for (int index = 0; index < Tensors.Count; index++)
        {
            float[] z = Z.Tensors[index].Values;
            float[] c = Tensors[index].Values;
            var (total, masked) = Sums(singularValues[index].Span, c);
            for (int i = 0; i < z.Length; i++)
                z[i] = (float)(Mask(c[i]) * total / masked);
        }
    }

    private static double Mask(float c) => 1 / (1 + Math.Exp(-(Start + c)));

    private static (double Total, double Masked) Sums(ReadOnlySpan<double> sigma, float[] c)
    {
        double total = 0;
        double masked = 0;
        for (int i = 0; i < sigma.Length; i++)
        {
            total += sigma[i];
            masked += sigma[i] * Mask(c[i]);
        }
        return (total, masked);
    }
}
