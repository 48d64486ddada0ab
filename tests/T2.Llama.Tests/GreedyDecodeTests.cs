namespace T2.Llama.Tests;

public sealed class GreedyDecodeTests
{
    [SkippableTheory]
    [InlineData("stories260K", "stories260Ktok512.gguf")]
    public void Decode_reproduces_an_independent_implementation(string reference, string file)
    {
        GreedyReference expected = GreedyReference.Load(reference);
        using LlamaModel model = Models.Load(file);
        using var context = LlamaContext.Create(model, new LlamaContextOptions { ContextLength = 256, TypeK = LlamaCacheType.F32, TypeV = LlamaCacheType.F32 });
        using var sampler = new LlamaSampler(model, LlamaSamplingOptions.Greedy);
        var batch = new LlamaBatch(64);
        int position = 0;
        for (int i = 0; i < expected.Prompt.Length; i++)
            batch.Add(expected.Prompt[i], position++, wantsLogits: i == expected.Prompt.Length - 1);

        foreach ((int token, double[][] top) in expected.Greedy.Zip(expected.Top5))
        {
            context.Decode(batch);
            ReadOnlySpan<float> logits = context.Logits(batch.Count - 1);
            foreach (double[] pair in top)
                Assert.True(Math.Abs(logits[(int)pair[0]] - pair[1]) < 1e-2, $"{logits[(int)pair[0]]} {pair[1]}");
            Assert.Equal(token, sampler.Sample(context, batch.Count - 1));
            batch.Clear();
            batch.Add(token, position++, wantsLogits: true);
        }
    }
}
