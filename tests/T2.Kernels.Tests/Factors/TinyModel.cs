using T2.Gguf;
using T2.Gguf.Quantization;
using T2.TestKit;

namespace T2.Kernels.Tests;

/// <summary>A GGUF file of two blocks with weights in several types, and what else a model has around them.</summary>
internal sealed class TinyModel : IDisposable
{
    private readonly TempFolder _folder = new();

    public TinyModel(int seed = 1, Action<string, float[]>? change = null)
    {
        var writer = new GgufWriter();
        writer.SetMetadata("general.architecture", "llama");
        Add(writer, "token_embd.weight", TensorType.F16, 50, 32, seed, change);
        for (var block = 0; block < 2; block++)
        {
            Add(writer, $"blk.{block}.attn_norm.weight", TensorType.F32, 1, 32, ++seed, change);
            Add(writer, $"blk.{block}.attn_q.weight", TensorType.F16, 32, 32, ++seed, change);
            Add(writer, $"blk.{block}.attn_k.weight", TensorType.F32, 8, 32, ++seed, change);
            Add(writer, $"blk.{block}.ffn_gate.weight", TensorType.Q8_0, 64, 32, ++seed, change);
            Add(writer, $"blk.{block}.ffn_down.weight", TensorType.BF16, 32, 64, ++seed, change);
        }
        writer.WriteTo(_folder.File("model.gguf"));
        File = GgufFile.Open(_folder.File("model.gguf"));
        Fingerprint = WeightFingerprint.Compute(File);
        StorePath = FactorStore.DefaultPath(File.Path);
        Weights = [.. BlockWeights.List(File).Select(static tensor => tensor.Name)];
    }

    public GgufFile File { get; }

    public string Fingerprint { get; }

    public string StorePath { get; }

    public string PartialPath => StorePath + ".partial";

    public string Folder => _folder.Path;

    /// <summary>The eight adaptable weights, in file order.</summary>
    public IReadOnlyList<string> Weights { get; }

    /// <summary>Opens or makes the store with one thread, so that weights are finished one after another.</summary>
    public FactorStore Store(
        IWeightKernel? kernel = null, IReadOnlyList<string>? weights = null, IProgress<FactorProgress>? progress = null,
        int threads = 1, CancellationToken cancellation = default) =>
        FactorStore.OpenOrCreate(
            StorePath, File, Fingerprint, weights ?? Weights, kernel ?? new ReferenceKernel(), new FactorOptions { Threads = threads }, progress, cancellation);

    /// <summary>Leaves a partial file with <paramref name="count"/> finished weights, as a run that was cancelled does.</summary>
    public void StoreOnly(int count, IReadOnlyList<string>? weights = null)
    {
        using var cancel = new CancellationTokenSource();
        var kernel = new ProbeKernel { Before = calls => { if (calls > count) cancel.Cancel(); } };
        Assert.ThrowsAny<OperationCanceledException>(() => Store(kernel, weights, cancellation: cancel.Token));
        Assert.Equal(count + 1, kernel.Calls);
    }

    public void Dispose()
    {
        File.Dispose();
        _folder.Dispose();
    }

    private static void Add(GgufWriter writer, string name, TensorType type, int rows, int columns, int seed, Action<string, float[]>? change)
    {
        var values = TestMatrix.Normal(new MatrixShape(rows, columns), seed);
        change?.Invoke(name, values);
        var bytes = new byte[TensorTypes.Info(type).BytesFor(columns) * rows];
        Quantizer.Quantize(type, values, bytes, columns);
        writer.AddTensor(name, type, rows == 1 ? [columns] : [columns, rows], bytes);
    }
}
