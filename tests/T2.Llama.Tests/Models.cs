using T2.TestKit;

namespace T2.Llama.Tests;

/// <summary>Loads the shared models, skipping the test where they are absent.</summary>
internal static class Models
{
    public const string Stories = "stories260Ktok512.gguf";
    public const string Tiny = "tiny1m-f16.gguf";
    public const string StoriesLora = "synthetic-lora-r4-stories260K.gguf";
    public const string TinyLora = "synthetic-lora-r4-tiny1m.gguf";

    /// <summary>One thread, as the models are tiny and tests run side by side, and attention in full precision.</summary>
    public static LlamaContextOptions SmallContext { get; } = new()
    {
        ContextLength = 256,
        BatchSize = 64,
        MicroBatchSize = 64,
        Threads = 1,
        BatchThreads = 1,
        FlashAttention = LlamaFlashAttention.Disabled,
        TypeK = LlamaCacheType.F32,
        TypeV = LlamaCacheType.F32,
    };

    public static string Path(string fileName)
    {
        string? path = SharedModels.TryFind(fileName);
        Skip.If(path is null, SharedModels.Missing);
        return path;
    }

    public static LlamaModel Load(string fileName, LlamaModelOptions? options = null) => LlamaModel.Load(Path(fileName), options);

    /// <summary>Decodes a text in one batch and returns a copy of the logits of its last token.</summary>
    public static float[] LastLogits(LlamaContext context, string text, int sequence = 0)
    {
        int[] tokens = context.Model.Vocabulary.Tokenize(text, addSpecial: true);
        var batch = new LlamaBatch(tokens.Length);
        for (int i = 0; i < tokens.Length; i++)
            batch.Add(tokens[i], i, sequence, wantsLogits: i == tokens.Length - 1);
        context.Decode(batch);
        return context.Logits(tokens.Length - 1).ToArray();
    }

    /// <summary>Continues a text token by token with a sampler.</summary>
    public static int[] Generate(LlamaModel model, LlamaSampler sampler, string prompt, int count)
    {
        using LlamaContext context = LlamaContext.Create(model, SmallContext);
        int[] tokens = model.Vocabulary.Tokenize(prompt, addSpecial: true);
        var batch = new LlamaBatch(SmallContext.BatchSize);
        for (int i = 0; i < tokens.Length; i++)
            batch.Add(tokens[i], i, wantsLogits: i == tokens.Length - 1);
        var output = new List<int>();
        for (int position = tokens.Length; output.Count < count; position++)
        {
            context.Decode(batch);
            int token = sampler.Sample(context, batch.Count - 1);
            output.Add(token);
            if (model.Vocabulary.IsEndOfGeneration(token))
                break;
            batch.Clear();
            batch.Add(token, position, wantsLogits: true);
        }

        return [.. output];
    }
}
