using T2.Gguf;
using T2.Kernels;

namespace T2.Cli;

/// <summary>A base model as the commands that do not run it need it: file, fingerprint, adaptable weights, factors.</summary>
internal sealed class BaseModel : IDisposable
{
    private readonly Lazy<string> _fingerprint;

    private BaseModel(GgufFile file, CancellationToken cancellation)
    {
        File = file;
        Weights = new OrderedDictionary<string, MatrixShape>(
            BlockWeights.List(file).Select(static tensor => KeyValuePair.Create(tensor.Name, BlockWeights.ShapeOf(tensor))), StringComparer.Ordinal);
        _fingerprint = new(() => WeightFingerprint.Compute(file, cancellation));
    }

    internal GgufFile File { get; }

    /// <summary>The weights an expert may adapt, by name, in file order.</summary>
    internal IReadOnlyDictionary<string, MatrixShape> Weights { get; }

    /// <summary>Identifies the weights. Reads the whole file on first use.</summary>
    internal string Fingerprint => _fingerprint.Value;

    /// <summary>Bytes that U, σ and V of the adaptable weights take in fp32: what the sidecar does without.</summary>
    internal long FullSvdBytes => Weights.Values.Sum(static shape => sizeof(float) * (long)shape.Rank * (shape.Rows + 1L + shape.Columns));

    internal string Architecture => File.Architecture ?? throw new GgufException("the model names no architecture (general.architecture).", File.Path);

    internal static BaseModel Open(string path, CancellationToken cancellation)
    {
        var file = GgufFile.Open(path);
        try
        {
            return new BaseModel(file, cancellation);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens the factor sidecar, computing what it lacks with a progress display.</summary>
    /// <exception cref="StoppedException">Cancelled while computing; what is finished is kept.</exception>
    /// <exception cref="UsageException">A weight needs more working memory than it may take.</exception>
    internal FactorStore OpenFactors(string? path, IWeightKernel kernel, int threads, Terminal terminal, CancellationToken cancellation, long? memory = null)
    {
        if (Weights.Count == 0)
            throw new BadFileException($"{File.Path} has no weights that can be adapted ('t2 inspect' says why).");
        var options = new FactorOptions { Threads = threads };
        if (memory is { } bytes)
            options = options with { MemoryBudgetBytes = bytes };
        using var progress = new FactorProgressDisplay(terminal);
        try
        {
            return FactorStore.OpenOrCreate(
                path ?? FactorStore.DefaultPath(File.Path), File, Fingerprint, [.. Weights.Keys], kernel, options, progress, cancellation);
        }
        catch (OperationCanceledException cancelled) when (progress.Explain(cancelled) is { } stopped)
        {
            throw stopped;
        }
        catch (ArgumentException exception) when (exception.ParamName == "options")
        {
            throw new UsageException(Failure.WithoutParameter(exception).Replace(nameof(FactorOptions.MemoryBudgetBytes), "--memory of 't2 factor'", StringComparison.Ordinal));
        }
    }

    /// <summary>σ of an adaptable weight, descending.</summary>
    internal ReadOnlyMemory<double> SingularValues(FactorStore factors, string weight) => factors.TryGet(weight, out var matrix)
        ? matrix.SingularValues
        : throw new KeyNotFoundException($"The factors of {File.Path} lack '{weight}'.");

    public void Dispose() => File.Dispose();
}
