using System.Runtime.InteropServices;
using T2.Gguf.Experts;
using T2.Kernels;
using T2.Llama;
using T2.TestKit;

namespace T2.Runtime.Tests;

/// <summary>How a test model is stored and loaded.</summary>
public sealed record Loading(string Types, LlamaLoadMode Mode, bool Repack, bool ByCopy = false)
{
    public ModelOptions Options => new() { LoadMode = Mode, Repack = Repack, SwitchByCopy = ByCopy, AdaptationThreads = 2 };

    public override string ToString() => $"{Types}/{Mode}/{(Repack ? "repack" : "plain")}{(ByCopy ? "/copy" : "")}";
}

/// <summary>Small models for every test of the run, made once, factored once.</summary>
public sealed class ModelFixture : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, string> _models = [];
    private readonly Lock _lock = new();

    /// <summary>Path of a two-layer model of 256 dimensions in the given types.</summary>
    public string Model(string types) => Model(SyntheticModelSpec.Tiny256, types);

    /// <summary>Path of a model in the given types.</summary>
    public string Model(SyntheticModelSpec spec, string types)
    {
        lock (_lock)
        {
            string name = $"{spec.Name}-{types}.gguf";
            if (_models.TryGetValue(name, out string? path))
                return path;
            path = _folder.File(name);
            SyntheticModel.Write(path, spec.WithType(types));
            _models.Add(name, path);
            return path;
        }
    }

    public string File(string name) => _folder.File(name);

    /// <summary>Loads a model of the fixture.</summary>
    public Task<AdaptiveModel> LoadAsync(Loading loading) => AdaptiveModel.LoadAsync(Model(loading.Types), loading.Options);

    public void Dispose() => _folder.Dispose();
}

/// <summary>One set of models for all test classes.</summary>
[CollectionDefinition(Name)]
public sealed class ModelCollection : ICollectionFixture<ModelFixture>
{
    public const string Name = "models";
}

/// <summary>Small helpers the runtime's tests share.</summary>
public static class TestModels
{
    public static readonly int[] Prompt = [1, 7, 42, 99, 13, 64];

    /// <summary>The ways a weight can lie in memory: mapped, allocated, repacked, overwritten as on a device.</summary>
    public static readonly Loading[] AllLoadings =
    [
        new Loading("F16", LlamaLoadMode.Mmap, false),
        new Loading("F16", LlamaLoadMode.None, false),
        new Loading("Q8_0", LlamaLoadMode.Mmap, false),
        new Loading("Q8_0", LlamaLoadMode.None, true),
        new Loading("Q8_0", LlamaLoadMode.None, false, ByCopy: true),
        new Loading("Q4_0", LlamaLoadMode.Mmap, true),
        new Loading("Q4_K_M", LlamaLoadMode.Mmap, false),
        new Loading("Q4_K_M", LlamaLoadMode.Mmap, true),
        new Loading("Q4_K_M", LlamaLoadMode.None, true),
    ];

    public static TheoryData<Loading> Loadings => [.. AllLoadings];

    /// <summary>An expert with z uniform in [1 − spread, 1 + spread] on the weights that <paramref name="include"/> names.</summary>
    public static Expert RandomExpert(AdaptiveModel model, string name, int seed, float spread = 0.5f, Func<string, bool>? include = null)
    {
        var random = new Random(seed);
        var vectors = new Dictionary<string, ReadOnlyMemory<float>>();
        foreach (var tensor in BlockWeights.List(model.File))
        {
            var z = new float[BlockWeights.ShapeOf(tensor).Rank];
            for (int index = 0; index < z.Length; index++)
                z[index] = 1 + spread * (2 * random.NextSingle() - 1);
            if (include?.Invoke(tensor.Name) ?? true)
                vectors.Add(tensor.Name, z);
        }
        return MakeExpert(model, name, vectors);
    }

    public static Expert ConstantExpert(AdaptiveModel model, string name, float value)
    {
        var vectors = new Dictionary<string, ReadOnlyMemory<float>>();
        foreach (var tensor in BlockWeights.List(model.File))
        {
            var z = new float[BlockWeights.ShapeOf(tensor).Rank];
            z.AsSpan().Fill(value);
            vectors.Add(tensor.Name, z);
        }
        return MakeExpert(model, name, vectors);
    }

    public static Expert MakeExpert(AdaptiveModel model, string name, IEnumerable<KeyValuePair<string, ReadOnlyMemory<float>>> vectors) =>
        new(name, model.File.Architecture!, model.Fingerprint, vectors, $"questions about {name}");

    /// <summary>Logits after <see cref="Prompt"/> under the weights as they are, from an empty cache, on one thread.</summary>
    public static float[] Logits(AdaptiveModel model)
    {
        using var context = NewContext(model);
        context.Begin();
        return context.Logits(context.Prefill(Prompt, 0, CancellationToken.None)).ToArray();
    }

    internal static AdaptedContext NewContext(AdaptiveModel model, int sequences = 1, int contextLength = 128) =>
        new(model.Native, model.Adapter, new SessionOptions { ContextLength = contextLength, BatchSize = 128, Threads = 1 }, sequences);

    /// <summary>The same in a process that has nothing of T2's adaptation in it.</summary>
    public static async Task<float[]> LogitsInFreshProcessAsync(string path, Loading loading)
    {
        string probe = Path.Combine(AppContext.BaseDirectory, "T2.Probe.dll");
        var run = await TestProcess.RunAsync(
            "dotnet",
            [probe, path, string.Join(',', Prompt), loading.Mode == LlamaLoadMode.None ? "none" : "mmap", loading.Repack ? "repack" : "norepack"]);
        Assert.True(run.ExitCode == 0, run.StandardError);
        return MemoryMarshal.Cast<byte, float>(Convert.FromHexString(run.StandardOutput.Trim())).ToArray();
    }

    /// <summary>Asserts two logit vectors are equal bit for bit.</summary>
    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual) =>
        Assert.True(MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)), "The logits differ.");

    /// <summary>Asserts that every weight that can be read back is byte-identical to the file.</summary>
    public static void AssertPristine(AdaptiveModel model)
    {
        foreach (var tensor in model.Weights.Tensors.Values)
        {
            Assert.True(tensor.Shown is null, $"{tensor.Name} shows an expert's version.");
            if (tensor.IsReadable)
                Assert.True(tensor.IsPristine(), $"{tensor.Name} differs from the file.");
        }
    }
}
