using System.Runtime.InteropServices;
using T2.Gguf.Experts;
using T2.TestKit;

namespace T2.Gguf.Tests.Experts;

public sealed class ExpertTests : IDisposable
{
    private const string Fingerprint = "xxh128:0123456789abcdef0123456789abcdef";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_saved_expert_comes_back_whole()
    {
        var path = _folder.File("math.gguf");
        var expert = new Expert(
            "math",
            "llama",
            Fingerprint,
            [new("blk.1.ffn_up.weight", new[] { 1f, 0.9f, -0.0f }), new("blk.0.attn_q.weight", new[] { 1.1f, 1e-30f })],
            "described",
            "GSM8K",
            "REINFORCE",
            [new("t2.svf.note", "żółć"), new("general.license", "mit")]);

        expert.Save(path);
        var loaded = Expert.Load(path);

        Assert.Equal(("math", "llama", Fingerprint), (loaded.Name, loaded.Architecture, loaded.BaseFingerprint));
        Assert.Equal(("described", "GSM8K", "REINFORCE"), (loaded.Description, loaded.Task, loaded.Training));
        Assert.Equal(expert.Extra, loaded.Extra);
        Assert.Equal(expert.Vectors.Keys, loaded.Vectors.Keys);
        Assert.All(expert.Vectors, vector => AssertSameBits(vector.Value, loaded.Vectors[vector.Key]));
    }

    [Fact]
    public void The_file_is_laid_out_as_agreed()
    {
        var path = _folder.File("math.gguf");
        new Expert("math", "llama", Fingerprint, [new("blk.0.ffn_up.weight", new[] { 1f, 2f })]).Save(path);

        using var file = GgufFile.Open(path);

        Assert.Equal("adapter", file.Metadata.GetString("general.type"));
        Assert.Equal("llama", file.Metadata.GetString("general.architecture"));
        Assert.Equal("math", file.Metadata.GetString("general.name"));
        Assert.Equal("svf", file.Metadata.GetString("adapter.type"));
        Assert.Equal(GgufValueType.UInt32, file.Metadata["t2.svf.version"].Type);
        Assert.Equal(1u, file.Metadata.GetUInt32("t2.svf.version"));
        Assert.Equal(Fingerprint, file.Metadata.GetString("t2.svf.base_fingerprint"));
        var tensor = Assert.Single(file.Tensors);
        Assert.Equal(("blk.0.ffn_up.weight.svf_z", TensorType.F32), (tensor.Name, tensor.Type));
        Assert.Equal([2L], tensor.Dimensions);
    }

    [Fact]
    public void An_expert_does_not_change_with_the_array_it_was_made_from()
    {
        var z = new[] { 1f, 2f };
        var expert = new Expert("math", "llama", Fingerprint, [new("w", z)]);
        z[0] = float.NaN;
        Assert.Equal([1f, 2f], expert.Vectors["w"].ToArray());
    }

    public static TheoryData<string> BadFiles => [.. s_badFiles.Keys];

    private static readonly Dictionary<string, (Action<GgufWriter> Change, string[] Fragments)> s_badFiles = new()
    {
        ["a model"] = (w => w.SetMetadata("general.type", "model"), ["not an expert but a model"]),
        ["a vocabulary"] = (w => w.SetMetadata("general.type", "vocab"), ["general.type is \"vocab\""]),
        ["type of a wrong type"] = (w => w.SetMetadata("general.type", 1u), ["\"general.type\" should be a string"]),
        ["a LoRA"] = (w => w.SetMetadata("adapter.type", "lora"), ["adapter.type is \"lora\""]),
        ["version 2"] = (w => w.SetMetadata("t2.svf.version", 2u), ["version 2 is unknown"]),
        ["version as text"] = (w => w.SetMetadata("t2.svf.version", "1"), ["\"t2.svf.version\" should be an integer"]),
        ["empty name"] = (w => w.SetMetadata("general.name", " "), ["\"general.name\" is empty"]),
        ["empty architecture"] = (w => w.SetMetadata("general.architecture", ""), ["\"general.architecture\" is empty"]),
        ["fingerprint as number"] = (w => w.SetMetadata("t2.svf.base_fingerprint", 7), ["\"t2.svf.base_fingerprint\" should be a string"]),
        ["task as number"] = (w => w.SetMetadata("t2.svf.task", 7), ["\"t2.svf.task\" should be a string"]),
        ["another tensor"] = (w => w.AddTensor("blk.0.ffn_up.weight.lora_a", TensorType.F32, [1], Bytes(1)), ["\"blk.0.ffn_up.weight.lora_a\" does not belong"]),
        ["suffix alone"] = (w => w.AddTensor(".svf_z", TensorType.F32, [1], Bytes(1)), ["without a name"]),
        ["F16 vector"] = (w => w.AddTensor("w.svf_z", TensorType.F16, [2], new byte[4]), ["\"w.svf_z\" is F16"]),
        ["matrix"] = (w => w.AddTensor("w.svf_z", TensorType.F32, [2, 2], new byte[16]), ["\"w.svf_z\" has 2 dimensions"]),
        ["NaN"] = (w => w.AddTensor("w.svf_z", TensorType.F32, [3], Bytes(1, float.NaN, 1)), ["\"w\"", "NaN at index 1"]),
        ["infinity"] = (w => w.AddTensor("w.svf_z", TensorType.F32, [2], Bytes(1, float.PositiveInfinity)), ["\"w\"", "at index 1"]),
        ["negative infinity"] = (w => w.AddTensor("w.svf_z", TensorType.F32, [2], Bytes(float.NegativeInfinity, 1)), ["\"w\"", "at index 0"]),
        ["1e38"] = (w => w.AddTensor("w.svf_z", TensorType.F32, [2], Bytes(1e38f, 1)), ["\"w\"", "within ±10000"]),
        ["-10001"] = (w => w.AddTensor("w.svf_z", TensorType.F32, [1], Bytes(-10001)), ["\"w\"", "-10001 at index 0"]),
        ["all zeros"] = (w => w.AddTensor("w.svf_z", TensorType.F32, [3], Bytes(0, -0f, 0)), ["\"w\"", "erase the weight"]),
    };

    [Theory]
    [MemberData(nameof(BadFiles))]
    public void Each_unusable_expert_file_gives_one_clear_error(string name)
    {
        var (change, fragments) = s_badFiles[name];
        var writer = new GgufWriter();
        writer.SetMetadata("general.type", "adapter");
        writer.SetMetadata("general.architecture", "llama");
        writer.SetMetadata("general.name", "x");
        writer.SetMetadata("adapter.type", "svf");
        writer.SetMetadata("t2.svf.version", 1u);
        writer.SetMetadata("t2.svf.base_fingerprint", Fingerprint);
        writer.AddTensor("good.svf_z", TensorType.F32, [2], Bytes(1, 1));
        var path = _folder.File("bad.gguf");
        writer.WriteTo(path);
        Assert.Equal("x", Expert.Load(path).Name);
        change(writer);
        writer.WriteTo(path);

        var error = Assert.Throws<GgufException>(() => Expert.Load(path));

        Assert.All(fragments, fragment => Assert.Contains(fragment, error.Message, StringComparison.Ordinal));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("general.type")]
    [InlineData("general.architecture")]
    [InlineData("general.name")]
    [InlineData("adapter.type")]
    [InlineData("t2.svf.version")]
    [InlineData("t2.svf.base_fingerprint")]
    public void A_missing_key_is_named(string key)
    {
        var whole = _folder.File("whole.gguf");
        new Expert("x", "llama", Fingerprint, [new("w", new[] { 1f })]).Save(whole);
        var path = _folder.File("partial.gguf");
        using (var file = GgufFile.Open(whole))
        {
            var writer = new GgufWriter();
            foreach (var (each, value) in file.Metadata.Where(pair => pair.Key != key))
                writer.SetMetadata(each, value);
            writer.AddTensor("w.svf_z", TensorType.F32, [1], Bytes(1));
            writer.WriteTo(path);
        }
        Assert.Contains(key, Assert.Throws<GgufException>(() => Expert.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_and_an_expert_without_vectors_are_refused()
    {
        var path = _folder.File("empty.gguf");
        var writer = new GgufWriter();
        writer.SetMetadata("general.type", "adapter");
        writer.SetMetadata("adapter.type", "svf");
        writer.SetMetadata("t2.svf.version", 1u);
        writer.WriteTo(path);
        Assert.Contains("no vectors", Assert.Throws<GgufException>(() => Expert.Load(path)).Message, StringComparison.Ordinal);

        File.WriteAllBytes(path, MalformedGguf.Valid());
        Assert.Contains("not an expert but a model", Assert.Throws<GgufException>(() => Expert.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unusable_parts_are_refused_when_an_expert_is_made()
    {
        Expert Make(string weight = "w", float[]? z = null, string name = "x", string? extraKey = null) =>
            new(name, "llama", Fingerprint, [new(weight, z ?? [1f])], extra: extraKey is null ? null : [new(extraKey, "text")]);

        Assert.Equal("x", Make().Name);
        Assert.Throws<ArgumentException>(() => Make(name: " "));
        Assert.Throws<ArgumentException>(() => Make(weight: ""));
        Assert.Throws<ArgumentException>(() => Make(weight: new string('w', 58)));
        Assert.Throws<ArgumentException>(() => Make(z: []));
        Assert.Throws<ArgumentException>(() => Make(z: [float.NaN]));
        Assert.Throws<ArgumentException>(() => Make(z: [0, 0]));
        Assert.Throws<ArgumentException>(() => Make(extraKey: "general.type"));
        Assert.Throws<ArgumentException>(() => Make(extraKey: ""));
        Assert.Throws<ArgumentException>(() => new Expert("x", "llama", Fingerprint, []));
        Assert.Throws<ArgumentException>(() => new Expert("x", "llama", Fingerprint, [new("w", new[] { 1f }), new("w", new[] { 1f })]));
    }

    private static byte[] Bytes(params float[] values) => MemoryMarshal.AsBytes<float>(values).ToArray();

    private static void AssertSameBits(ReadOnlyMemory<float> expected, ReadOnlyMemory<float> actual) =>
        Assert.Equal(MemoryMarshal.AsBytes(expected.Span).ToArray(), MemoryMarshal.AsBytes(actual.Span).ToArray());
}
