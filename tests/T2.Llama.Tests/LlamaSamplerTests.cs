namespace T2.Llama.Tests;

public sealed class LlamaSamplerTests
{
    private const string Prompt = "Once upon a time";

    [SkippableFact]
    public void The_same_seed_gives_the_same_text_and_another_seed_another()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        var options = new LlamaSamplingOptions { Temperature = 1, TopK = 0, TopP = 1, MinP = 0, Seed = 7 };

        int[] first = Run(options);

        Assert.Equal(first, Run(options));
        Assert.NotEqual(first, Run(options with { Seed = 8 }));

        int[] Run(LlamaSamplingOptions options)
        {
            using var sampler = new LlamaSampler(model, options);
            return Models.Generate(model, sampler, Prompt, 24);
        }
    }

    [SkippableFact]
    public void A_drawn_seed_is_told_and_repeats_the_text()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using var drawn = new LlamaSampler(model, new LlamaSamplingOptions { Temperature = 1.5f });
        int[] text = Models.Generate(model, drawn, Prompt, 24);
        using var again = new LlamaSampler(model, new LlamaSamplingOptions { Temperature = 1.5f, Seed = drawn.Seed });
        Assert.Equal(text, Models.Generate(model, again, Prompt, 24));
        again.Reset();
        Assert.Equal(text, Models.Generate(model, again, Prompt, 24));
    }

    [SkippableFact]
    public void Top_k_top_p_and_min_p_each_narrow_the_choice()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        float[] logits = new float[model.VocabularySize];
        logits.AsSpan().Fill(-20);
        (logits[10], logits[20], logits[30]) = (2, 1.5f, -1);
        var all = new LlamaSamplingOptions { Temperature = 1, TopK = 0, TopP = 1, MinP = 0, Seed = 1 };

        Assert.Equal([10, 20, 30], Chosen(all));
        Assert.Equal([10, 20], Chosen(all with { TopK = 2 }));
        Assert.Equal([10, 20], Chosen(all with { TopP = 0.9f }));
        Assert.Equal([10, 20], Chosen(all with { MinP = 0.3f }));
        Assert.Equal([10], Chosen(all with { Temperature = 0.01f }));
        Assert.Equal([10], Chosen(all with { Temperature = 0 }));
        Assert.Equal([10], Chosen(LlamaSamplingOptions.Greedy));

        int[] Chosen(LlamaSamplingOptions options)
        {
            using var sampler = new LlamaSampler(model, options);
            return [.. Enumerable.Range(0, 400).Select(_ => sampler.Sample(logits)).Distinct().Order()];
        }
    }

    [SkippableFact]
    public void Penalties_count_the_output_and_the_prompt()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        float[] logits = new float[model.VocabularySize];
        (logits[10], logits[20], logits[30]) = (3, 2.5f, 2);
        LlamaSamplingOptions greedy = LlamaSamplingOptions.Greedy;

        Assert.Equal([10, 10, 10], Three(greedy));
        Assert.Equal([10, 20, 30], Three(greedy with { RepeatPenalty = 2 }));
        Assert.Equal([10, 20, 30], Three(greedy with { PresencePenalty = 2 }));
        Assert.Equal([10, 20, 30], Three(greedy with { FrequencyPenalty = 2 }));
        Assert.Equal([10, 20, 10], Three(greedy with { PresencePenalty = 2, RepeatLastN = 1 }));
        Assert.Equal([20, 30, 10], Three(greedy with { PresencePenalty = 2, RepeatLastN = 2 }, prompt: 10));

        int[] Three(LlamaSamplingOptions options, params int[] prompt)
        {
            using var sampler = new LlamaSampler(model, options);
            sampler.AcceptPrompt(prompt);
            return [.. Enumerable.Range(0, 3).Select(_ => sampler.Sample(logits))];
        }
    }

    [SkippableTheory]
    [InlineData(0f)]
    [InlineData(1f)]
    public void A_grammar_forces_digits(float temperature)
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using var sampler = new LlamaSampler(model, new LlamaSamplingOptions
        {
            Temperature = temperature,
            Seed = 3,
            Grammar = "root ::= \"= \" [0-9]{3}",
        });

        int[] tokens = Models.Generate(model, sampler, "1 + 1 ", 20);

        Assert.Matches("^= [0-9]{3}$", model.Vocabulary.Detokenize(tokens));
        Assert.True(model.Vocabulary.IsEndOfGeneration(tokens[^1]));
    }

    [SkippableFact]
    public void A_grammar_begins_anew_after_reset()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using var sampler = new LlamaSampler(model, LlamaSamplingOptions.Greedy with { Grammar = "root ::= \"ab\"" });
        float[] logits = new float[model.VocabularySize];
        int first = sampler.Sample(logits);
        sampler.Reset();
        Assert.Equal(first, sampler.Sample(logits));
    }

    [SkippableFact]
    public void A_grammar_that_allows_nothing_is_an_error_and_not_the_end_of_the_process()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using var sampler = new LlamaSampler(model, LlamaSamplingOptions.Greedy with { Grammar = "root ::= [z-a]" });
        LlamaException e = Assert.Throws<LlamaException>(() => sampler.Sample(new float[model.VocabularySize]));
        Assert.Contains("allows no token", e.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void A_token_the_grammar_forbids_is_not_accepted()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using var sampler = new LlamaSampler(model, LlamaSamplingOptions.Greedy with { Grammar = "root ::= [a-b]" });
        int letterA = model.Vocabulary.Tokenize("xa", addSpecial: false)[^1];
        Assert.Equal("a", model.Vocabulary.Detokenize([letterA]));
        int end = model.Vocabulary.EndOfSequence!.Value;

        Assert.Throws<LlamaException>(() => sampler.Accept(end));
        sampler.Accept(letterA);
        Assert.Throws<LlamaException>(() => sampler.Accept(letterA));
        sampler.Accept(end);
    }

    [SkippableFact]
    public void A_grammar_with_an_error_names_it()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        LlamaException e = Assert.Throws<LlamaException>(
            () => new LlamaSampler(model, new LlamaSamplingOptions { Grammar = "root ::= \"a\"\nroot ::= nothing" }));
        Assert.Equal("The grammar has an error at line 2, column 10: no rule is called «nothing».", e.Message);
        Assert.Throws<LlamaException>(() => new LlamaSampler(model, new LlamaSamplingOptions { Grammar = "root ::= \"\0\"" }));
    }

    [SkippableFact]
    public void What_only_llama_cpp_finds_wrong_with_a_grammar_is_reported_in_its_words()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        LlamaException e = Assert.Throws<LlamaException>(
            () => new LlamaSampler(model, new LlamaSamplingOptions { Grammar = "root ::= (\"a\" | )*" }));
        Assert.Contains("left recursion detected", e.Message, StringComparison.Ordinal);
        Assert.Contains("root ::= (\"a\" | )*", e.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Logits_of_broken_weights_are_an_error(float value)
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using var sampler = new LlamaSampler(model);
        float[] logits = new float[model.VocabularySize];
        logits[17] = value;
        Assert.Contains("token 17", Assert.Throws<LlamaException>(() => sampler.Sample(logits)).Message, StringComparison.Ordinal);
        logits.AsSpan().Fill(float.NegativeInfinity);
        Assert.Contains("minus infinity", Assert.Throws<LlamaException>(() => sampler.Sample(logits)).Message, StringComparison.Ordinal);
        logits[5] = 0;
        Assert.Equal(5, sampler.Sample(logits));
    }

    [SkippableFact]
    public void Wrong_arguments_are_refused()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using var sampler = new LlamaSampler(model);
        Assert.Throws<ArgumentException>(() => sampler.Sample(new float[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => sampler.Accept(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => sampler.AcceptPrompt([512]));
        foreach (LlamaSamplingOptions options in new LlamaSamplingOptions[]
        {
            new() { Temperature = float.NaN }, new() { TopP = 1.1f }, new() { MinP = -0.1f }, new() { RepeatPenalty = 0 },
            new() { FrequencyPenalty = float.PositiveInfinity }, new() { RepeatLastN = -1 }, new() { Seed = uint.MaxValue },
        })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new LlamaSampler(model, options));
        }
    }

    [SkippableFact]
    public void A_disposed_sampler_says_so_and_a_grammar_keeps_its_model()
    {
        LlamaModel model = Models.Load(Models.Stories);
        var sampler = new LlamaSampler(model, LlamaSamplingOptions.Greedy with { Grammar = "root ::= \"a\"" });
        model.Dispose();
        Assert.False(model.Handle.IsClosed);
        sampler.Sample(new float[512]);
        sampler.Dispose();
        Assert.True(model.Handle.IsClosed);
        Assert.Throws<ObjectDisposedException>(() => sampler.Sample(new float[512]));
        Assert.Throws<ObjectDisposedException>(() => sampler.Accept(1));
        Assert.Throws<ObjectDisposedException>(sampler.Reset);
    }
}
