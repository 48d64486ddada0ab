using T2.Llama;

namespace T2.Training.Tests;

/// <summary>What llama.cpp computes for a sequence: logits of every position, attention in full precision.</summary>
internal static class LlamaLogits
{
    public static float[] Of(string path, int[] tokens, string? lora = null)
    {
        using var model = LlamaModel.Load(path);
        return Of(model, tokens, lora);
    }

    public static float[] Of(LlamaModel model, int[] tokens, string? lora = null)
    {
        using var context = LlamaContext.Create(model, new LlamaContextOptions
        {
            ContextLength = 256,
            BatchSize = 256,
            Threads = 1,
            BatchThreads = 1,
            FlashAttention = LlamaFlashAttention.Disabled,
            TypeK = LlamaCacheType.F32,
            TypeV = LlamaCacheType.F32,
        });
        using var adapter = lora is null ? null : LlamaLoraAdapter.Load(model, lora);
        if (adapter is not null)
            context.SetLoraAdapters(new LlamaLoraUse(adapter));
        var batch = new LlamaBatch(tokens.Length);
        for (var t = 0; t < tokens.Length; t++)
            batch.Add(tokens[t], t, 0, wantsLogits: true);
        context.Decode(batch);
        return [.. Enumerable.Range(0, tokens.Length).SelectMany(t => context.Logits(t).ToArray())];
    }
}
