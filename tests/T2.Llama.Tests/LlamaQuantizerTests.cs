namespace T2.Llama.Tests;

public sealed class LlamaQuantizerTests(BindingOnSyntheticModelsTests.Files files) : IClassFixture<BindingOnSyntheticModelsTests.Files>
{
    [Theory]
    [InlineData(LlamaFileType.Q8_0, "Q8_0")]
    [InlineData(LlamaFileType.Q4_K_M, "Q4_K - Medium")]
    public void A_quantised_copy_is_of_the_type_and_says_nearly_the_same(LlamaFileType type, string description)
    {
        string source = files.Path("tiny256", "f16");
        string destination = files.Folder.File($"quantised-{type}.gguf");
        LlamaQuantizer.Quantize(source, destination, type, threads: 1);

        using LlamaModel model = LlamaModel.Load(destination);
        Assert.EndsWith(description, model.Description, StringComparison.Ordinal);
        Assert.True(new FileInfo(destination).Length < new FileInfo(source).Length);
        Assert.InRange(Cosine(Logits(source), Logits(destination)), 0.9, 0.999999);
        Assert.Empty(Directory.GetFiles(files.Folder.Path, "*.part"));
    }

    [Fact]
    public void What_is_no_model_is_refused_and_leaves_no_file()
    {
        string source = files.Folder.File("no-model.gguf");
        File.WriteAllText(source, "GGUF, but not really");
        string destination = files.Folder.File("quantised-nothing.gguf");

        Assert.Contains(source, Assert.Throws<LlamaException>(() => LlamaQuantizer.Quantize(source, destination, LlamaFileType.Q8_0)).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => LlamaQuantizer.Quantize(files.Folder.File("absent.gguf"), destination, LlamaFileType.Q8_0));
        Assert.Throws<ArgumentOutOfRangeException>(() => LlamaQuantizer.Quantize(source, destination, (LlamaFileType)9999));
        Assert.False(File.Exists(destination));
    }

    private static float[] Logits(string path)
    {
        using LlamaModel model = LlamaModel.Load(path);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        return Models.LastLogits(context, "The small blue fox");
    }

    private static double Cosine(float[] a, float[] b)
    {
        double product = 0, squareA = 0, squareB = 0;
        for (int i = 0; i < a.Length; i++)
        {
            product += (double)a[i] * b[i];
            squareA += (double)a[i] * a[i];
            squareB += (double)b[i] * b[i];
        }
        return product / Math.Sqrt(squareA * squareB);
    }
}
