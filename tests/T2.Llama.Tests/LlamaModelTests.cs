namespace T2.Llama.Tests;

public sealed class LlamaModelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("t2-llama-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SkippableFact]
    public void A_model_tells_what_it_is()
    {
        using LlamaModel model = Models.Load(Models.Stories);

        Assert.Equal((5, 64, 8, 4), (model.LayerCount, model.EmbeddingLength, model.HeadCount, model.HeadCountKv));
        Assert.Equal(512, model.VocabularySize);
        Assert.Equal("llama", model.MetadataValue("general.architecture"));
        Assert.Null(model.MetadataValue("no.such.key"));
        Assert.Null(model.ChatTemplate);
        Assert.Contains("llama", model.Description, StringComparison.Ordinal);
        Assert.Equal(model.ParameterCount * sizeof(float), model.SizeInBytes);
        Assert.True(model.ContextLength > 0);
        Assert.NotEqual(0, model.NativePointer);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        string path = Path.Combine(_folder, "none.gguf");
        LlamaException e = Assert.Throws<LlamaException>(() => LlamaModel.Load(path));
        Assert.Equal($"Cannot load model {path}: no such file.", e.Message);
        Assert.Contains("it is a folder", Assert.Throws<LlamaException>(() => LlamaModel.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_GGUF_is_named_with_llama_cpps_reason()
    {
        string path = Path.Combine(_folder, "garbage.gguf");
        File.WriteAllText(path, "These are not the weights you are looking for.");

        LlamaException e = Assert.Throws<LlamaException>(() => LlamaModel.Load(path));

        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Contains("llama.cpp says: ", e.Message, StringComparison.Ordinal);
        Assert.Contains("magic", e.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(LlamaLoadMode.Mmap)]
    [InlineData(LlamaLoadMode.None)]
    public void A_truncated_file_is_refused(LlamaLoadMode mode)
    {
        byte[] whole = File.ReadAllBytes(Models.Path(Models.Stories));
        string path = Path.Combine(_folder, "truncated.gguf");
        File.WriteAllBytes(path, whole[..(whole.Length / 2)]);

        LlamaException e = Assert.Throws<LlamaException>(() => LlamaModel.Load(path, new LlamaModelOptions { LoadMode = mode }));

        Assert.Contains("not within the file bounds", e.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void An_adapter_is_no_model()
    {
        string path = Models.Path(Models.StoriesLora);
        Assert.Contains(path, Assert.Throws<LlamaException>(() => LlamaModel.Load(path)).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Progress_is_reported_up_to_the_end()
    {
        var fractions = new Recorder();
        using LlamaModel model = Models.Load(Models.Stories, new LlamaModelOptions { Progress = fractions });
        Assert.Equal(1f, fractions.Seen[^1]);
        Assert.Equal(fractions.Seen.Order(), fractions.Seen);
    }

    [SkippableFact]
    public void A_cancelled_load_stops()
    {
        using var cancellation = new CancellationTokenSource();
        var options = new LlamaModelOptions { Progress = new Recorder(_ => cancellation.Cancel()) };
        string path = Models.Path(Models.Stories);
        Assert.Throws<OperationCanceledException>(() => LlamaModel.Load(path, options, cancellation.Token));
    }

    [SkippableFact]
    public void What_a_progress_handler_throws_is_the_cause_of_the_failure()
    {
        var thrown = new InvalidOperationException("enough");
        var options = new LlamaModelOptions { Progress = new Recorder(_ => throw thrown) };
        string path = Models.Path(Models.Stories);
        Assert.Same(thrown, Assert.Throws<LlamaException>(() => LlamaModel.Load(path, options)).InnerException);
    }

    [SkippableFact]
    public void A_vocabulary_only_model_tokenizes_but_makes_no_context()
    {
        using LlamaModel model = Models.Load(Models.Stories, new LlamaModelOptions { VocabularyOnly = true });
        Assert.NotEmpty(model.Vocabulary.Tokenize("Once", addSpecial: false));
        Assert.Throws<LlamaException>(() => LlamaContext.Create(model));
    }

    [SkippableFact]
    public void Options_that_llama_cpp_does_not_know_are_refused()
    {
        string path = Models.Path(Models.Stories);
        Assert.Throws<ArgumentOutOfRangeException>(() => LlamaModel.Load(path, new LlamaModelOptions { LoadMode = (LlamaLoadMode)9 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => LlamaModel.Load(path, new LlamaModelOptions { SplitMode = (LlamaSplitMode)(-1) }));
    }

    [SkippableTheory]
    [InlineData(LlamaLoadMode.Auto)]
    [InlineData(LlamaLoadMode.None)]
    [InlineData(LlamaLoadMode.Mmap)]
    [InlineData(LlamaLoadMode.DirectIo)]
    public void Every_way_of_loading_gives_the_same_logits(LlamaLoadMode mode)
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        using LlamaModel other = Models.Load(Models.Stories, new LlamaModelOptions
        {
            LoadMode = mode,
            UseExtraBufferTypes = false,
            CheckTensors = true,
        });
        using LlamaContext otherContext = LlamaContext.Create(other, Models.SmallContext);
        Assert.Equal(Models.LastLogits(context, "Once upon"), Models.LastLogits(otherContext, "Once upon"));
    }

    [SkippableFact]
    public void A_disposed_model_says_so()
    {
        LlamaModel model = Models.Load(Models.Stories);
        model.Dispose();
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.NativePointer);
        Assert.Throws<ObjectDisposedException>(() => model.Description);
        Assert.Throws<ObjectDisposedException>(() => model.Vocabulary.Tokenize("Once", addSpecial: false));
        Assert.Throws<ObjectDisposedException>(() => LlamaContext.Create(model));
    }

    private sealed class Recorder(Action<float>? then = null) : IProgress<float>
    {
        public List<float> Seen { get; } = [];

        public void Report(float value)
        {
            Seen.Add(value);
            then?.Invoke(value);
        }
    }
}
