using System.Diagnostics;
using System.Runtime.InteropServices;
using LLama;
using LLama.Native;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;
using T2.Runtime;
using T2.Weights;

namespace T2.LLamaSharp;

/// <summary>
/// Puts a model that LLamaSharp loaded on an expert, in place, and back on its base bit for bit. LLamaSharp keeps generating as it always does; after each
/// change of weights, clear the memory of every context of the model (<c>MemoryClear</c>), for its KV cache was made under other weights.
/// Not thread-safe: no decode of the model may run meanwhile.
/// </summary>
public sealed class LLamaSharpAdapter : IDisposable
{
    private readonly GgufFile _file;
    private readonly IWeightKernel _kernel;
    private readonly WeightAdapter _adapter;
    private readonly string _fingerprint;
    private FactorStore? _factors;

    private LLamaSharpAdapter(GgufFile file, LiveWeights weights, IWeightKernel kernel)
    {
        _file = file;
        _kernel = kernel;
        _adapter = new WeightAdapter(weights, kernel, Environment.ProcessorCount);
        _fingerprint = WeightFingerprint.Compute(file);
    }

    /// <summary>The expert the weights are on; null on the base.</summary>
    public Expert? Current => _adapter.Current;

    /// <summary>Finds the weights of a loaded model.</summary>
    /// <param name="weights">The model.</param>
    /// <param name="path">The GGUF it was loaded from.</param>
    /// <exception cref="GgufException">The file is not a valid GGUF.</exception>
    /// <exception cref="WeightAccessException">The weights cannot be found or are not the file's.</exception>
    public static LLamaSharpAdapter Attach(LLamaWeights weights, string path)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var file = GgufFile.Open(path);
        try
        {
            var live = LiveWeights.Discover(file, new Probe(weights), GgmlExports.FromLibraries(LoadedGgml()));
            return new LLamaSharpAdapter(file, live, KernelRegistry.Resolve());
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Rebuilds the weights the expert adapts, factoring the model first if that was never done.</summary>
    /// <exception cref="ExpertMismatchException">The expert does not fit; nothing was changed.</exception>
    public RebuildReport Apply(Expert expert, IProgress<FactorProgress>? progress = null, CancellationToken cancellation = default)
    {
        ExpertFit.Verify(expert, _file, _fingerprint, allowOtherBase: false);
        _factors ??= FactorStore.OpenOrCreate(
            FactorStore.DefaultPath(_file.Path), _file, _fingerprint, [.. BlockWeights.List(_file).Select(static tensor => tensor.Name)], _kernel, new FactorOptions(), progress, cancellation);
        return _adapter.Apply(expert, _factors, cancellation);
    }

    /// <summary>Returns the model bit-exactly to its base.</summary>
    public RebuildReport Reset() => _adapter.Reset();

    /// <summary>Returns the model to its base and frees what was held for it. Call it while the model is still loaded.</summary>
    public void Dispose()
    {
        _adapter.Dispose();
        _factors?.Dispose();
        _file.Dispose();
    }

    /// <summary>The ggml-base that LLamaSharp's llama.cpp is linked against, as this process has it loaded.</summary>
    private static nint LoadedGgml()
    {
        using var process = Process.GetCurrentProcess();
        foreach (ProcessModule module in process.Modules)
        {
            if (module.FileName is { } name && Path.GetFileName(name).Contains("ggml-base", StringComparison.OrdinalIgnoreCase))
                return NativeLibrary.Load(name);
        }
        throw new WeightAccessException("No ggml-base library is loaded in this process; load the model with LLamaSharp first.");
    }

    private sealed class Probe(LLamaWeights weights) : IWeightProbe
    {
        public void DecodeOnce(nint evalCallback, nint userData)
        {
            var parameters = LLamaContextParams.Default();
            parameters.n_ctx = 32;
            parameters.n_batch = 32;
            parameters.n_ubatch = 32;
            parameters.cb_eval = evalCallback;
            parameters.cb_eval_user_data = userData;
            using var context = SafeLLamaContextHandle.Create(weights.NativeHandle, parameters);
            var batch = new LLamaBatch();
            batch.Add(weights.Vocab.BOS ?? 0, 0, LLamaSeqId.Zero, true);
            var result = context.Decode(batch);
            if (result != DecodeResult.Ok)
                throw new WeightAccessException($"The decode that shows the model's weights failed: {result}.");
        }
    }
}
