using T2.Gguf;
using T2.Kernels;
using T2.Runtime;
using T2.TestKit;
using Xunit.Abstractions;

namespace T2.Training.Tests;

/// <summary>The engine's logits against llama.cpp's, of the same file.</summary>
public sealed class LlamaParityTests(ITestOutputHelper output)
{
    public static TheoryData<string> Presets => ["tiny256", "tiny256-untied", "tiny-qwen2"];

    /// <summary>F32 weights: both sides compute in fp32, in different orders.</summary>
    [Theory]
    [MemberData(nameof(Presets))]
    public void Logits_of_F32_weights_are_llama_cpps_to_a_few_roundings(string preset)
    {
        using var folder = new TempFolder();
        var path = folder.File("model.gguf");
        SyntheticModel.Write(path, SyntheticModelSpec.Presets[preset]);
        Compare(path, 1e-5);
    }

    /// <summary>With weights in F16 and Q8_0 llama.cpp rounds the activations too, to 11 and 8 bits.</summary>
    [Theory]
    [InlineData("f16", 2e-3)]
    [InlineData("q8_0", 4e-2)]
    public void Logits_of_other_weights_are_within_what_llama_cpp_rounds(string type, double tolerance)
    {
        using var folder = new TempFolder();
        var path = folder.File("model.gguf");
        SyntheticModel.Write(path, SyntheticModelSpec.Tiny256.WithType(type));
        Compare(path, tolerance);
    }

    [SkippableTheory]
    [InlineData("stories260Ktok512.gguf", 1e-5)]
    [InlineData("stories260K-f16.gguf", 2e-3)]
    [InlineData("tiny1m-f16.gguf", 2e-3)]
    public void Logits_of_trained_models_are_llama_cpps(string file, double tolerance)
    {
        var path = SharedModels.TryFind(file);
        Skip.If(path is null, SharedModels.Missing);
        Compare(path, tolerance);
    }

    [Fact]
    public void A_model_written_by_us_runs_in_llama_cpp_and_comes_back_as_it_was()
    {
        using var folder = new TempFolder();
        SyntheticModel.Write(folder.File("template.gguf"), SyntheticModelSpec.TinyQwen2);
        using var template = GgufFile.Open(folder.File("template.gguf"));
        template.Metadata.TryGetStrings("tokenizer.ggml.tokens", out var vocabulary);
        var model = TinyModels.Create(TinyModels.Qwen2 with { VocabularySize = vocabulary!.Count, Embedding = 96, FeedForward = 64, TiedEmbeddings = false, Context = 128 });
        model.WriteGguf(folder.File("ours.gguf"), template.Metadata);
        Compare(folder.File("ours.gguf"), 1e-5);

        using var written = GgufFile.Open(folder.File("ours.gguf"));
        Assert.Equal(template.Metadata.GetString("tokenizer.chat_template"), written.Metadata.GetString("tokenizer.chat_template"));
        var back = TrainingModel.Load(written);
        Assert.Equal(model.Shape with { RopeDimensionsOrDefault = 16 }, back.Shape);
        foreach (var tensor in model.Tensors)
            Assert.Equal(tensor.Values, back[tensor.Name].Values);
    }

    [Fact]
    public void Matrices_are_written_in_the_type_asked_for()
    {
        using var folder = new TempFolder();
        SyntheticModel.Write(folder.File("template.gguf"), SyntheticModelSpec.Tiny256);
        using var template = GgufFile.Open(folder.File("template.gguf"));
        var model = TrainingModel.Load(template);
        model.WriteGguf(folder.File("ours.gguf"), template.Metadata, static name => name.Contains("ffn") ? TensorType.Q8_0 : TensorType.F16);
        using var written = GgufFile.Open(folder.File("ours.gguf"));
        foreach (var tensor in written.Tensors)
            Assert.Equal(tensor.Dimensions.Count == 1 ? TensorType.F32 : tensor.Name.Contains("ffn") ? TensorType.Q8_0 : TensorType.F16, tensor.Type);
        Assert.Contains(
            "256", Assert.Throws<ArgumentException>(() => TinyModels.Create(TinyModels.Llama with { VocabularySize = model.Shape.VocabularySize }).WriteGguf(folder.File("no.gguf"), template.Metadata, static _ => TensorType.Q4_K)).Message);
        Assert.Contains("29", Assert.Throws<ArgumentException>(() => TinyModels.Create(TinyModels.Llama).WriteGguf(folder.File("no.gguf"), template.Metadata)).Message);
        Assert.False(File.Exists(folder.File("no.gguf")));
    }

    [Fact]
    public void An_exported_LoRA_gives_llama_cpp_the_engines_logits()
    {
        using var folder = new TempFolder();
        SyntheticModel.Write(folder.File("model.gguf"), SyntheticModelSpec.Tiny256);
        using var file = GgufFile.Open(folder.File("model.gguf"));
        var model = TrainingModel.Load(file);
        var lora = new LoraParameters(model, [.. model.AdaptableWeights.Where(static name => name.Contains("attn_q") || name.Contains("attn_v"))], 16, 32, 5);
        var random = new Random(2);
        foreach (var b in lora.Tensors.Where(static tensor => tensor.Name.EndsWith("lora_b")))
        {
            for (var i = 0; i < b.Values.Length; i++)
                b.Values[i] = (random.NextSingle() - 0.5f) * 0.1f;
        }
        lora.WriteGguf(folder.File("lora.gguf"), "test");
        var tokens = Tokens(model.Shape);
        var expected = LlamaLogits.Of(folder.File("model.gguf"), tokens, folder.File("lora.gguf"));
        using var plain = new TrainingEngine(model, null, 1);
        Assert.True(Distance(expected, plain.Logits(AllLogits(tokens))) > 1e-2, "the adapter changes nothing");
        using var engine = new TrainingEngine(model, lora, 1);
        Assert.InRange(Distance(expected, engine.Logits(AllLogits(tokens))), 0, 1e-5);
    }

    /// <summary>What is trained is what runs: F32 weights rebuilt in place by the runtime, against W' as the engine composes it.</summary>
    [Theory]
    [InlineData("tiny256")]
    [InlineData("tiny-qwen2")]
    public async Task An_expert_gives_the_runtime_the_engines_logits(string preset)
    {
        using var folder = new TempFolder();
        SyntheticModel.Write(folder.File("model.gguf"), SyntheticModelSpec.Presets[preset]);
        await using var runtime = await AdaptiveModel.LoadAsync(folder.File("model.gguf"), new ModelOptions { AdaptationThreads = 1, FactorPath = folder.File("factors") });
        await runtime.FactorAsync();
        using var factors = FactorStore.TryOpen(folder.File("factors"), runtime.Fingerprint);
        var model = TrainingModel.Load(runtime.File);
        var svf = new SvfParameters(model, factors!, model.AdaptableWeights);
        var random = new Random(6);
        foreach (var z in svf.Tensors)
        {
            for (var i = 0; i < z.Values.Length; i++)
                z.Values[i] = 0.7f + 0.6f * random.NextSingle();
        }
        var tokens = Tokens(model.Shape);
        var plain = LlamaLogits.Of(runtime.Native, tokens);
        await runtime.ApplyAsync(svf.ToExpert("random"));
        var adapted = LlamaLogits.Of(runtime.Native, tokens);
        Assert.True(Distance(plain, adapted) > 1e-2, "the expert changes nothing");
        using var engine = new TrainingEngine(model, svf, 1);
        var distance = Distance(adapted, engine.Logits(AllLogits(tokens)));
        output.WriteLine($"{preset}: {distance:e2}");
        Assert.InRange(distance, 0, 1e-5);
    }

    [Fact]
    public void What_the_engine_would_compute_wrongly_is_refused_by_name()
    {
        using var folder = new TempFolder();
        SyntheticModel.Write(folder.File("phi3.gguf"), SyntheticModelSpec.TinyFusedQkv);
        using var phi3 = GgufFile.Open(folder.File("phi3.gguf"));
        Assert.Contains("phi3", Assert.Throws<GgufException>(() => TrainingModel.Load(phi3)).Message);

        SyntheticModel.Write(folder.File("model.gguf"), SyntheticModelSpec.Tiny256);
        using var model = GgufFile.Open(folder.File("model.gguf"));
        Refuses("yarn", writer => writer.SetMetadata("llama.rope.scaling.type", "yarn"));
        Refuses("blk.0.attn_q_norm.weight", writer => writer.AddTensor("blk.0.attn_q_norm.weight", TensorType.F32, [4], new byte[16]));
        Refuses("output_norm.weight", static _ => { }, without: "output_norm.weight");

        void Refuses(string what, Action<GgufWriter> change, string? without = null)
        {
            var writer = new GgufWriter();
            writer.CopyMetadata(model.Metadata);
            foreach (var tensor in model.Tensors.Where(tensor => tensor.Name != without))
                writer.AddTensor(tensor.Name, tensor.Type, [.. tensor.Dimensions], model.GetData(tensor).ToArray());
            change(writer);
            writer.WriteTo(folder.File("changed.gguf"));
            using var changed = GgufFile.Open(folder.File("changed.gguf"));
            Assert.Contains(what, Assert.Throws<GgufException>(() => TrainingModel.Load(changed)).Message);
        }
    }

    private void Compare(string path, double tolerance)
    {
        using var file = GgufFile.Open(path);
        var model = TrainingModel.Load(file);
        var tokens = Tokens(model.Shape);
        using var engine = new TrainingEngine(model, null, 1);
        var ours = engine.Logits(AllLogits(tokens));
        var distance = Distance(LlamaLogits.Of(path, tokens), ours);
        output.WriteLine($"{System.IO.Path.GetFileName(path)}: {distance:e2} of the logits' norm");
        Assert.InRange(distance, 0, tolerance);
    }

    private static int[] Tokens(ModelShape shape)
    {
        var random = new Random(4);
        return [.. Enumerable.Range(0, 70).Select(_ => random.Next(3, shape.VocabularySize))];
    }

    private static PackedBatch AllLogits(int[] tokens) => new(tokens, [0, tokens.Length], [.. tokens.Select(static _ => -1)], new float[tokens.Length]);

    /// <summary>‖a − b‖ / ‖a‖.</summary>
    private static double Distance(float[] a, float[] b)
    {
        Assert.Equal(a.Length, b.Length);
        return Math.Sqrt(a.Zip(b, static (x, y) => ((double)x - y) * ((double)x - y)).Sum() / a.Sum(static x => (double)x * x));
    }
}
