using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.TestKit;

namespace T2.Cli.Tests;

/// <summary>Checkpoints saved by PyTorch, onto weights whose singular values are known by construction.</summary>
public sealed class ConvertTests : IDisposable
{
    private static readonly string Fixtures = Path.Combine(RepositoryRoot.Path, "tests", "T2.Gguf.Tests", "Fixtures");

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("learnable_params.pt", "mask", "1")]
    [InlineData("policy_params.pt", "mask", "1")]
    [InlineData("learnable_params.pt", "mask_max_mult_1.5", "1.5")]
    public async Task Logits_become_effective_z_on_the_models_own_spectrum(string checkpoint, string maskKey, string maxMult)
    {
        string model = WriteModel(6);
        string output = _folder.File("expert.gguf");
        await T2Process.SucceedAsync(
            "convert", Path.Combine(Fixtures, checkpoint), "-m", model, "-o", output, "--name", "math", "--max-mult", maxMult, "--describe", "mathematics");

        var expert = Expert.Load(output);
        Assert.Equal(("math", "mathematics", 6), (expert.Name, expert.Description, expert.Vectors.Count));
        var masks = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(Fixtures, "expected.json")))![maskKey]!.AsObject();
        foreach (var (name, values) in masks)
        {
            double[] mask = [.. values!.AsArray().Select(static value => (double)value!)];
            double[] sigma = Spectrum(6);
            double scale = sigma.Sum() / sigma.Zip(mask, static (s, m) => s * m).Sum();
            string weight = name.Replace("model.layers.", "blk.", StringComparison.Ordinal).Replace("mlp.", "ffn_", StringComparison.Ordinal).Replace("_proj", "", StringComparison.Ordinal);
            float[] z = expert.Vectors[weight].ToArray();
            for (int index = 0; index < mask.Length; index++)
                Assert.Equal(mask[index] * scale, z[index], 1e-5);
        }
        await T2Process.SucceedAsync("expert", "verify", output, "-m", model);
    }

    [Fact]
    public async Task A_checkpoint_of_another_model_does_not_fit()
    {
        string model = WriteModel(8);
        string output = _folder.File("expert.gguf");
        var result = await T2Process.RunAsync("convert", Path.Combine(Fixtures, "learnable_params.pt"), "-m", model, "-o", output, "--name", "math");
        T2Process.AssertFailure(result, 4, "learnable_params.pt", "6 values", "rank 8");
        Assert.False(File.Exists(output));
        Assert.False(File.Exists(model + ".t2factors"));
    }

    [Theory]
    [InlineData("module.pt")]
    [InlineData("integers.pt")]
    [InlineData("expected.json")]
    public async Task What_is_no_dict_of_tensors_is_refused(string file) => T2Process.AssertFailure(
        await T2Process.RunAsync("convert", Path.Combine(Fixtures, file), "-m", WriteModel(6), "-o", _folder.File("expert.gguf"), "--name", "math"), 3, file);

    private static double[] Spectrum(int rank) => [.. Enumerable.Range(0, rank).Select(static index => 6.0 - 0.5 * index)];

    /// <summary>Two layers of gate, up and down with σᵢ = 6 − i/2: a diagonal in a wider or taller matrix.</summary>
    private string WriteModel(int rank)
    {
        const int Wide = 10;
        var writer = new GgufWriter();
        writer.SetMetadata("general.architecture", "llama");
        foreach (string name in from layer in new[] { 0, 1 } from matrix in new[] { "gate", "up", "down" } select $"blk.{layer}.ffn_{matrix}.weight")
        {
            int columns = name.Contains("down", StringComparison.Ordinal) ? Wide : rank;
            int rows = name.Contains("down", StringComparison.Ordinal) ? rank : Wide;
            var values = new float[rows * columns];
            for (int index = 0; index < rank; index++)
                values[index * columns + index] = (float)Spectrum(rank)[index];
            writer.AddTensor(name, TensorType.F32, [columns, rows], stream => stream.Write(MemoryMarshal.AsBytes<float>(values)));
        }
        string path = _folder.File($"known-{rank}.gguf");
        writer.WriteTo(path);
        return path;
    }
}
