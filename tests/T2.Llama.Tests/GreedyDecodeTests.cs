namespace T2.Llama.Tests;

public sealed class GreedyDecodeTests
{
    // With F16 weights llama.cpp rounds the activations to F16 as well, which the reference does not.
    [SkippableTheory]
    [InlineData("stories260K", "stories260Ktok512.gguf", null, 2e-3)]
    [InlineData("tiny1m", "tiny1m-f16.gguf", null, 3e-2)]
    [InlineData("stories260K+synthetic-lora-r4", "stories260Ktok512.gguf", "synthetic-lora-r4-stories260K.gguf", 2e-3)]
    [InlineData("tiny1m+synthetic-lora-r4", "tiny1m-f16.gguf", "synthetic-lora-r4-tiny1m.gguf", 3e-2)]
    public void Greedy_decoding_reproduces_an_independent_implementation(string reference, string file, string? adapterFile, double tolerance)
    {
        GreedyReference expected = GreedyReference.Load(reference);
        using LlamaModel model = Models.Load(file);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        using LlamaLoraAdapter? adapter = adapterFile is null ? null : LlamaLoraAdapter.Load(model, Models.Path(adapterFile));
        if (adapter is not null)
            context.SetLoraAdapters(new LlamaLoraUse(adapter));
        using var sampler = new LlamaSampler(model, LlamaSamplingOptions.Greedy);
        var batch = new LlamaBatch(64);
        int position = 0;
        foreach (int token in expected.Prompt)
            batch.Add(token, position++, wantsLogits: position == expected.Prompt.Length);

        double worst = 0;
        foreach ((int token, double[][] top) in expected.Greedy.Zip(expected.Top5))
        {
            context.Decode(batch);
            ReadOnlySpan<float> logits = context.Logits(batch.Count - 1);
            foreach (double[] pair in top)
                worst = Math.Max(worst, Math.Abs(logits[(int)pair[0]] - pair[1]));
            Assert.Equal(token, sampler.Sample(context, batch.Count - 1));
            batch.Clear();
            batch.Add(token, position++, wantsLogits: true);
        }

        Assert.True(worst < tolerance, $"The logits differ by up to {worst:g3}.");
    }

    [SkippableFact]
    public void Prompt_tokens_of_the_reference_come_from_its_text_with_BOS_in_front()
    {
        GreedyReference expected = GreedyReference.Load("stories260K");
        using LlamaModel model = Models.Load(Models.Stories);

        Assert.True(model.Vocabulary.AddsBeginningOfSequence);
        Assert.Equal(expected.Prompt, model.Vocabulary.Tokenize("Once upon a time", addSpecial: true));
        Assert.Equal(expected.Prompt[1..], model.Vocabulary.Tokenize("Once upon a time", addSpecial: false));
        Assert.Equal(expected.Text, model.Vocabulary.Detokenize([.. expected.Prompt, .. expected.Greedy]));
    }
}
