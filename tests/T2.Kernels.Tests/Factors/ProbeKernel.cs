namespace T2.Kernels.Tests;

/// <summary>The reference kernel, counting calls and running a hook before each.</summary>
internal sealed class ProbeKernel : IWeightKernel
{
    private readonly ReferenceKernel _kernel = new();
    private int _calls;

    public string Name => "probe";

    public int Calls => _calls;

    /// <summary>Given the number of the call, from 1.</summary>
    public Action<int>? Before { get; init; }

    public Action? After { get; init; }

    public void Factorize(ReadOnlySpan<float> weight, MatrixShape shape, Span<double> singularValues, Span<float> basis, int threads, CancellationToken cancellation)
    {
        var call = Interlocked.Increment(ref _calls);
        Before?.Invoke(call);
        _kernel.Factorize(weight, shape, singularValues, basis, threads, cancellation);
        After?.Invoke();
    }

    public void Rebuild(in RebuildJob job, int threads, CancellationToken cancellation) => _kernel.Rebuild(job, threads, cancellation);
}

/// <summary>Keeps every report; called synchronously, unlike <see cref="Progress{T}"/>.</summary>
internal sealed class ProgressLog : IProgress<FactorProgress>
{
    public List<FactorProgress> Reports { get; } = [];

    public IEnumerable<string> Notes => Reports.Select(static report => report.Note).OfType<string>();

    public Action<FactorProgress>? On { get; init; }

    public void Report(FactorProgress value)
    {
        Reports.Add(value);
        On?.Invoke(value);
    }
}
