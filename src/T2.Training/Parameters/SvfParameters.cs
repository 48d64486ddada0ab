using CommunityToolkit.HighPerformance.Buffers;
using T2.Gguf.Experts;
using T2.Kernels;

namespace T2.Training;

/// <summary>
/// Singular value fine-tuning: each weight W = U·diag(σ)·Vᵀ gets a vector z, and becomes W' = U·diag(σ⊙z)·Vᵀ. z starts at 1, where W' = W exactly.
/// </summary>
/// <remarks>
/// Only the smaller side's vectors are stored, so the other side is taken with its σ from W: Uσ = W·V, or σVᵀ = Uᵀ·W. Then
/// W' = W + Uσ·diag(z−1)·Vᵀ and ∂L/∂zᵢ = (Uσ)ᵢᵀ·(∂L/∂W')·vᵢ.
/// </remarks>
public sealed class SvfParameters : ModelParameters
{
    private readonly Dictionary<string, Factored> _factored = new(StringComparer.Ordinal);

    /// <param name="model">The model.</param>
    /// <param name="factors">Factors of its weights.</param>
    /// <param name="weights">Names of the weights to adapt, of <see cref="TrainingModel.AdaptableWeights"/>.</param>
    /// <exception cref="ArgumentException">A weight cannot be adapted, or the store lacks it or has it in another shape.</exception>
    public SvfParameters(TrainingModel model, FactorStore factors, IReadOnlyList<string> weights)
        : this(model, Lookup(factors), weights)
    {
        if (model.Fingerprint is { } fingerprint && fingerprint != factors.Fingerprint)
            throw new ArgumentException($"{factors.Path} has the factors of other weights ({factors.Fingerprint}, the model has {fingerprint}).", nameof(factors));
    }

    /// <summary>The same with factors from anywhere: <paramref name="factors"/> gives those of a weight, or null.</summary>
    /// <param name="model">The model.</param>
    /// <param name="factors">Gives the factors of a weight by its name.</param>
    /// <param name="weights">Names of the weights to adapt.</param>
    /// <exception cref="ArgumentException">A weight cannot be adapted, or its factors are missing or of another shape.</exception>
    public SvfParameters(TrainingModel model, Func<string, MatrixFactors?> factors, IReadOnlyList<string> weights)
        : base(model)
    {
        ArgumentNullException.ThrowIfNull(factors);
        var tensors = new List<ParameterTensor>();
        foreach (var weight in Adaptable(model, weights))
        {
            var found = factors(weight.Name) ?? throw new ArgumentException($"The factors of {weight.Name} are missing.", nameof(factors));
            if (found.Shape != weight.Shape)
                throw new ArgumentException($"The factors of {weight.Name} are of a {found.Shape} weight, the model's is {weight.Shape}.", nameof(factors));
            var z = new ParameterTensor(weight.Name, 1, weight.Shape.Rank);
            z.Values.AsSpan().Fill(1);
            tensors.Add(z);
            _factored.Add(weight.Name, new Factored(weight, found, z));
        }
        Tensors = tensors;
    }

    /// <summary>One vector z a weight, named as the weight.</summary>
    public override IReadOnlyList<ParameterTensor> Tensors { get; }

    /// <summary>The present z as an expert.</summary>
    /// <param name="name">Short name to choose it by.</param>
    /// <param name="baseFingerprint"><see cref="T2.Gguf.WeightFingerprint"/> of the base; null takes that of the file the model was loaded from.</param>
    /// <param name="description">Free text for people.</param>
    /// <param name="task">What it was trained for.</param>
    /// <param name="training">How it was trained.</param>
    /// <param name="extra">Other metadata.</param>
    /// <exception cref="ArgumentException">No fingerprint is known, or a value of z is unusable.</exception>
    public Expert ToExpert(
        string name, string? baseFingerprint = null, string? description = null, string? task = null, string? training = null, IEnumerable<KeyValuePair<string, string>>? extra = null) =>
        new(
            name,
            Model.Shape.Architecture,
            baseFingerprint ?? Model.Fingerprint ?? throw new ArgumentException("The model did not come from a file, so the base's fingerprint must be given.", nameof(baseFingerprint)),
            Tensors.Select(static tensor => KeyValuePair.Create(tensor.Name, (ReadOnlyMemory<float>)tensor.Values.ToArray())),
            description,
            task,
            training,
            extra);

    internal override bool Trains(ModelTensor tensor) => _factored.ContainsKey(tensor.Name);

    internal override float[]? DirectGradient(ModelTensor tensor) => null;

    internal override void Compose(ModelTensor tensor, Span<float> effective) => _factored[tensor.Name].Compose(effective);

    internal override void AddGradient(ModelTensor tensor, ReadOnlySpan<float> weightGradient) => _factored[tensor.Name].AddGradient(weightGradient);

    private static Func<string, MatrixFactors?> Lookup(FactorStore factors)
    {
        ArgumentNullException.ThrowIfNull(factors);
        return name => factors.TryGet(name, out var found) ? found : null;
    }

    /// <summary>One weight with both its sides: left[m×r]·diag(z−1)·right[r×n] is W' − W, and either left or right holds the σ.</summary>
    private sealed class Factored
    {
        private readonly ModelTensor _weight;
        private readonly ParameterTensor _z;
        private readonly float[] _leftRows; // row i: column i of left
        private readonly float[] _rightRows;

        public Factored(ModelTensor weight, MatrixFactors factors, ParameterTensor z)
        {
            _weight = weight;
            _z = z;
            var (m, n, r) = (weight.Rows, weight.Columns, weight.Shape.Rank);
            var basis = factors.Basis.ToArray();
            if (weight.Shape.Side == FactorSide.Right)
            {
                _rightRows = basis;
                _leftRows = new float[r * m];
                Sgemm.Multiply(r, m, n, basis, n, false, weight.Values, n, true, _leftRows, m, accumulate: false); // (W·vᵢ)ᵀ = vᵢᵀ·Wᵀ
            }
            else
            {
                _leftRows = basis;
                _rightRows = new float[r * n];
                Sgemm.Multiply(r, n, m, basis, m, false, weight.Values, n, false, _rightRows, n, accumulate: false);
            }
        }

        public void Compose(Span<float> effective)
        {
            var (m, n, r) = (_weight.Rows, _weight.Columns, _weight.Shape.Rank);
            _weight.Values.CopyTo(effective);
            using var scratch = SpanOwner<float>.Allocate(r * n);
            var scaled = scratch.Span;
            var changed = false;
            for (var i = 0; i < r; i++)
            {
                var delta = _z.Values[i] - 1;
                changed |= delta != 0;
                for (var j = 0; j < n; j++)
                    scaled[i * n + j] = delta * _rightRows[i * n + j];
            }
            if (changed)
                Sgemm.Multiply(m, n, r, _leftRows, m, true, scaled, n, false, effective, n, accumulate: true);
        }

        public void AddGradient(ReadOnlySpan<float> weightGradient)
        {
            var (m, n, r) = (_weight.Rows, _weight.Columns, _weight.Shape.Rank);
            using var scratch = SpanOwner<float>.Allocate(r * n);
            var product = scratch.Span;
            Sgemm.Multiply(r, n, m, _leftRows, m, false, weightGradient, n, false, product, n, accumulate: false);
            for (var i = 0; i < r; i++)
            {
                var sum = 0.0;
                for (var j = 0; j < n; j++)
                    sum += (double)product[i * n + j] * _rightRows[i * n + j];
                _z.Gradient[i] += (float)sum;
            }
        }
    }
}
