using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;
using T2.Kernels.Gpu;
using T2.Llama;
using T2.Weights;

namespace T2.Runtime;

/// <summary>
/// A GGUF model loaded through llama.cpp whose weights can be rebuilt in place. Thread-safe: sessions of one model take turns, a prompt at a time, so none
/// ever sees another's weights.
/// </summary>
public sealed class AdaptiveModel : IAsyncDisposable
{
    private readonly ModelOptions _options;
    private readonly IWeightKernel _kernel;
    private readonly Lazy<string> _fingerprint;
    private FactorStore? _factors;
    private int _disposed;

    private AdaptiveModel(GgufFile file, LlamaModel native, LiveWeights weights, IWeightKernel kernel, IReadOnlyList<DeviceWeights> devices, ModelOptions options)
    {
        File = file;
        Native = native;
        Weights = weights;
        _kernel = kernel;
        _options = options;
        _fingerprint = new Lazy<string>(() => WeightFingerprint.Compute(file));
        Adapter = new WeightAdapter(weights, kernel, options.ResolvedThreads, options.PreparedBytes, options.Precision, devices)
        {
            Files = options.PreparedDirectory is { } directory ? (directory, () => Fingerprint) : null,
        };
    }

    /// <summary>The model's file.</summary>
    public GgufFile File { get; }

    /// <summary>The model as llama.cpp holds it.</summary>
    public LlamaModel Native { get; }

    /// <summary>The experts its sessions may choose from.</summary>
    public ExpertLibrary Experts { get; } = new();

    /// <summary>Identifies the base weights. Reads the whole file on first use.</summary>
    public string Fingerprint => _fingerprint.Value;

    /// <summary>Name of the kernel that factors and rebuilds.</summary>
    public string KernelName => _kernel.Name;

    /// <summary>The expert the weights are on now; null on the base.</summary>
    public Expert? CurrentExpert => Adapter.Current;

    /// <summary>The live weights, found and classified.</summary>
    public LiveWeights Weights { get; }

    /// <summary>Bytes of host memory that rebuilt experts take, beside the base.</summary>
    public long PreparedBytes => Adapter.PreparedBytes;

    /// <summary>Bytes of GPU memory that rebuilt experts take, beside the base.</summary>
    public long PreparedDeviceBytes => Adapter.PreparedDeviceBytes;

    /// <summary>Bytes of memory that deltas kept for mixtures take.</summary>
    public long DeltaBytes => Adapter.DeltaBytes;

    /// <summary>The precision asked for adapted weights.</summary>
    public AdaptedPrecision Precision => _options.Precision;

    internal WeightAdapter Adapter { get; }

    /// <summary>Held by whoever uses or changes the weights.</summary>
    internal SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>Loads a model. The file is validated before llama.cpp sees it.</summary>
    /// <param name="path">A GGUF file.</param>
    /// <param name="options">How; null = the defaults.</param>
    /// <param name="cancellation">Observed between the stages of loading.</param>
    /// <exception cref="GgufException">The file is not a valid GGUF.</exception>
    /// <exception cref="LlamaException">llama.cpp cannot load it.</exception>
    /// <exception cref="WeightAccessException">Its weights cannot be found.</exception>
    public static Task<AdaptiveModel> LoadAsync(string path, ModelOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Task.Run(() => Load(path, options ?? new ModelOptions(), cancellation), cancellation);
    }

    /// <summary>Opens a session: a context of its own, sharing the weights.</summary>
    /// <exception cref="LlamaException">llama.cpp cannot make a context of that size.</exception>
    /// <exception cref="GpuException">A GPU with weights of the model has failed for good.</exception>
    public AdaptiveSession CreateSession(SessionOptions? options = null)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return new AdaptiveSession(this, options ?? new SessionOptions());
    }

    /// <summary>Makes sure the factors of every weight an expert may adapt are in the sidecar, computing what is missing.</summary>
    public async Task FactorAsync(IProgress<FactorProgress>? progress = null, CancellationToken cancellation = default)
    {
        await Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await Task.Run(() => Factors(AdaptableNames(), progress, cancellation), cancellation).ConfigureAwait(false);
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>Returns the weights bit-exactly to the base, waiting for a prompt in progress.</summary>
    public async Task ResetAsync(CancellationToken cancellation = default)
    {
        await Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            Adapter.Reset();
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>Puts the weights on an expert, waiting for a prompt in progress. Sessions do this by themselves; it is public for tools.</summary>
    /// <exception cref="ExpertMismatchException">The expert does not fit; nothing was changed.</exception>
    public async Task<RebuildReport> ApplyAsync(Expert expert, IProgress<FactorProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(expert);
        await Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Run(
                () =>
                {
                    var factors = FactorsFor(expert, progress, cancellation);
                    return Adapter.Apply(expert, factors, cancellation);
                },
                cancellation).ConfigureAwait(false);
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>
    /// Keeps what experts add to the weights, so that any mixture of them (<see cref="Adaptation.Mixture"/>, <see cref="Expert.Mix"/>) is a sum: memory traffic,
    /// no products of matrices. Takes two bytes a weight and expert (four for F32 weights), beside <see cref="ModelOptions.PreparedBytes"/>, until
    /// <see cref="ReleaseDeltasAsync"/>. Without it a mixture is rebuilt from its z. A mixture so made has the error of the deltas' type, relative 2⁻¹¹ of each
    /// delta for F16, before it is quantised; one expert at weight 1 is that expert, bit for bit. The weights stay as they are.
    /// </summary>
    /// <param name="experts">The experts, the very objects that mixtures will be made of.</param>
    /// <param name="progress">Reports on factors that had to be computed.</param>
    /// <param name="cancellation">Cancels between experts and weights; experts done by then are kept.</param>
    /// <exception cref="ExpertMismatchException">An expert does not fit.</exception>
    /// <exception cref="NotSupportedException">The kernel cannot sum deltas.</exception>
    public async Task KeepDeltasAsync(IReadOnlyList<Expert> experts, IProgress<FactorProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(experts);
        await Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await Task.Run(
                () =>
                {
                    foreach (var expert in experts)
                        Adapter.KeepDeltas(expert, FactorsFor(expert, progress, cancellation), cancellation);
                },
                cancellation).ConfigureAwait(false);
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>Gives up the deltas that <see cref="KeepDeltasAsync"/> kept, waiting for a prompt in progress.</summary>
    public async Task ReleaseDeltasAsync(CancellationToken cancellation = default)
    {
        await Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            Adapter.ReleaseDeltas();
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>Waits for a prompt in progress, returns the weights to the base and unloads the model. Sessions still open fail from then on.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await Gate.WaitAsync().ConfigureAwait(false);
        try
        {
            Adapter.Dispose();
            if (Adapter.HasLostDevice)
                Native.Abandon();
            else
                Native.Dispose();
            _factors?.Dispose();
            File.Dispose();
        }
        finally
        {
            Gate.Release();
        }
    }

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed != 0, this);

    /// <summary>Checks that an expert fits, and gets the factors it needs. Call with the gate held.</summary>
    internal FactorStore FactorsFor(Expert expert, IProgress<FactorProgress>? progress, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        ExpertFit.Verify(expert, File, Fingerprint, _options.AllowOtherBase);
        foreach (string name in expert.Vectors.Keys)
            Weights.Require(name);
        return Factors([.. expert.Vectors.Keys], progress, cancellation);
    }

    private FactorStore Factors(IReadOnlyList<string> names, IProgress<FactorProgress>? progress, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        if (_factors is { } open && names.All(name => open.TryGet(name, out _)))
            return open;
        // A sidecar is made whole: the next expert may adapt other weights, and making one twice costs more than making it once.
        var wanted = AdaptableNames();
        string path = _options.FactorPath ?? FactorStore.DefaultPath(File.Path);
        _factors?.Dispose();
        _factors = null;
        _factors = FactorStore.OpenOrCreate(path, File, Fingerprint, wanted, _kernel, new FactorOptions { Threads = _options.ResolvedThreads }, progress, cancellation);
        // Factorising reads every weight through T2's own view of the file.
        File.ReleasePages();
        return _factors;
    }

    private string[] AdaptableNames() => [.. BlockWeights.List(File).Select(static tensor => tensor.Name)];

    private static AdaptiveModel Load(string path, ModelOptions options, CancellationToken cancellation)
    {
        GpuKernelEntry.Register();
        var kernel = options.KernelOverride ?? KernelRegistry.Resolve(options.Kernel);
        var file = GgufFile.Open(path);
        LlamaModel? native = null;
        try
        {
            var library = options.GpuLayers == 0 ? LlamaLibrary.Load(options.LibraryPath, options.Logger) : LlamaLibrary.LoadForGpu(options.LibraryPath, options.Logger);
            cancellation.ThrowIfCancellationRequested();
            native = LlamaModel.Load(path, new LlamaModelOptions
            {
                GpuLayers = options.GpuLayers,
                LoadMode = options.LoadMode,
                UseExtraBufferTypes = options.Repack,
            }, cancellation);
            cancellation.ThrowIfCancellationRequested();
            var ggml = GgmlExports.FromLibraries(library.GgmlBaseHandle, library.LlamaHandle);
            if (options.Precision != AdaptedPrecision.Base && !ggml.HasOnlyCpus)
                throw new WeightAccessException($"Adapted weights cannot be of precision '{options.Precision}': this llama.cpp computes on a GPU too, and only CPUs allow a weight to change its type.");
            var weights = LiveWeights.Discover(file, new LlamaWeightProbe(native), ggml, options.SwitchByCopy);
            LoadedPages.Release(file, weights);
            return new AdaptiveModel(file, native, weights, kernel, DeviceDiscovery.Open(weights, options), options);
        }
        catch
        {
            native?.Dispose();
            file.Dispose();
            throw;
        }
    }
}
