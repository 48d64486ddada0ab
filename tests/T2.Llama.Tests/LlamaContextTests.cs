namespace T2.Llama.Tests;

public sealed class LlamaContextTests
{
    [SkippableFact]
    public void A_context_outlives_the_disposal_of_its_model()
    {
        LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        int[] tokens = model.Vocabulary.Tokenize("Once upon", addSpecial: true);
        float[] before = Decode(context, tokens);
        model.Dispose();
        GC.Collect();
        GC.WaitForPendingFinalizers();

        context.ClearMemory();

        Assert.Equal(before, Decode(context, tokens));
        Assert.Throws<ObjectDisposedException>(() => model.NativePointer);
        Assert.Throws<ObjectDisposedException>(() => LlamaContext.Create(model));
        Assert.False(model.Handle.IsClosed);
        context.Dispose();
        Assert.True(model.Handle.IsClosed);
    }

    [SkippableFact]
    public void Logits_of_every_token_of_a_batch_can_be_asked_for()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        int[] tokens = model.Vocabulary.Tokenize("Once upon a time, there was a little girl", addSpecial: true);
        var batch = new LlamaBatch(64);
        for (int i = 0; i < tokens.Length; i++)
            batch.Add(tokens[i], i, wantsLogits: true);
        context.Decode(batch);
        float[][] together = [.. Enumerable.Range(0, tokens.Length).Select(i => context.Logits(i).ToArray())];

        context.ClearMemory();
        for (int i = 0; i < tokens.Length; i++)
        {
            batch.Clear();
            batch.Add(tokens[i], i, wantsLogits: true);
            context.Decode(batch);
            Close(context.Logits(0), together[i]);
        }
    }

    [SkippableFact]
    public void Logits_not_asked_for_are_refused()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        Assert.Throws<ArgumentOutOfRangeException>(() => context.Logits(0).Length);
        var batch = new LlamaBatch(2);
        batch.Add(1, 0);
        batch.Add(2, 1, wantsLogits: true);
        context.Decode(batch);

        Assert.Throws<InvalidOperationException>(() => context.Logits(0).Length);
        Assert.Equal(512, context.Logits(1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => context.Logits(2).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => context.Logits(-1).Length);
    }

    [SkippableFact]
    public void A_batch_that_would_end_the_process_is_refused_first()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext with { MaxSequences = 2 });
        Assert.Throws<ArgumentException>(() => context.Decode(new LlamaBatch(1)));
        Assert.Contains("vocabulary ends at 511", Refused(512, 0), StringComparison.Ordinal);
        Assert.Contains("sequence 2", Refused(1, 2), StringComparison.Ordinal);
        var large = new LlamaBatch(65);
        for (int i = 0; i < 65; i++)
            large.Add(1, i);
        Assert.Contains("65 tokens", Assert.Throws<ArgumentException>(() => context.Decode(large)).Message, StringComparison.Ordinal);

        string Refused(int token, int sequence)
        {
            var batch = new LlamaBatch(1);
            batch.Add(token, 0, sequence);
            return Assert.Throws<ArgumentException>(() => context.Decode(batch)).Message;
        }
    }

    [SkippableFact]
    public void A_gap_in_the_positions_is_an_invalid_batch()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        Decode(context, [1, 2, 3]);
        var batch = new LlamaBatch(1);
        batch.Add(4, 7);

        LlamaException e = Assert.Throws<LlamaException>(() => context.Decode(batch));

        Assert.Equal(-1, e.StatusCode);
        Assert.Contains("llama.cpp says: ", e.Message, StringComparison.Ordinal);
        Assert.Equal(2, context.SequenceEnd(0));
    }

    [SkippableFact]
    public void A_full_cache_is_status_1_and_changes_nothing()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        var batch = new LlamaBatch(64);
        for (int position = 0; position < context.ContextLength;)
        {
            batch.Clear();
            while (batch.Count < 64)
                batch.Add(1, position++);
            context.Decode(batch);
        }

        batch.Clear();
        batch.Add(1, context.ContextLength);
        LlamaException e = Assert.Throws<LlamaException>(() => context.Decode(batch));

        Assert.Equal(1, e.StatusCode);
        Assert.Contains("no room", e.Message, StringComparison.Ordinal);
        Assert.Equal(context.ContextLength - 1, context.SequenceEnd(0));
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sequences_can_be_copied_removed_and_kept(bool unified)
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext with { MaxSequences = 3, UnifiedKv = unified });
        Models.LastLogits(context, "Once upon a time");
        int end = context.SequenceEnd(0);
        context.SequenceCopy(0, 1);
        context.SequenceCopy(0, 2);
        Assert.Equal((end, end), (context.SequenceEnd(1), context.SequenceEnd(2)));

        var batch = new LlamaBatch(3);
        for (int sequence = 0; sequence < 3; sequence++)
            batch.Add(432, end + 1, sequence, wantsLogits: true);
        context.Decode(batch);
        Close(context.Logits(1), context.Logits(0));
        Close(context.Logits(2), context.Logits(0));

        Assert.True(context.SequenceRemove(1, from: end));
        Assert.Equal(end - 1, context.SequenceEnd(1));
        context.SequenceKeep(1);
        Assert.Equal((-1, end - 1, -1), (context.SequenceEnd(0), context.SequenceEnd(1), context.SequenceEnd(2)));
        Assert.True(context.SequenceRemove(-1));
        Assert.Equal(-1, context.SequenceEnd(1));
    }

    [SkippableFact]
    public void Part_of_a_sequence_is_copied_only_in_a_unified_cache()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext split = LlamaContext.Create(model, Models.SmallContext with { MaxSequences = 2 });
        Models.LastLogits(split, "Once upon a time");
        Assert.Throws<InvalidOperationException>(() => split.SequenceCopy(0, 1, 0, 2));

        using LlamaContext unified = LlamaContext.Create(model, Models.SmallContext with { MaxSequences = 2, UnifiedKv = true });
        Models.LastLogits(unified, "Once upon a time");
        unified.SequenceCopy(0, 1, 0, 2);
        Assert.Equal(1, unified.SequenceEnd(1));
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_token_can_belong_to_several_sequences_of_a_unified_cache(bool unified)
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext with { MaxSequences = 2, UnifiedKv = unified });
        var batch = new LlamaBatch(2, maxSequencesPerToken: 2);
        batch.Add(1, 0, [0, 1]);
        batch.Add(403, 1, [0, 1], wantsLogits: true);
        if (unified)
        {
            context.Decode(batch);
            Assert.Equal((1, 1), (context.SequenceEnd(0), context.SequenceEnd(1)));
        }
        else
        {
            Assert.ThrowsAny<Exception>(() => context.Decode(batch));
        }
    }

    [SkippableFact]
    public void Sequence_numbers_are_checked()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        Assert.Throws<ArgumentOutOfRangeException>(() => context.SequenceRemove(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => context.SequenceRemove(-2));
        Assert.Throws<ArgumentOutOfRangeException>(() => context.SequenceCopy(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => context.SequenceKeep(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => context.SequenceEnd(-1));
    }

    [SkippableFact]
    public void Options_out_of_range_are_refused()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        Refused(new() { BatchSize = 0 });
        Refused(new() { MicroBatchSize = -1 });
        Refused(new() { MaxSequences = 0 });
        Refused(new() { MaxSequences = 100_000 });
        Refused(new() { Threads = 513 });
        Refused(new() { BatchThreads = -1 });
        Refused(new() { TypeK = (LlamaCacheType)99 });
        Refused(new() { FlashAttention = (LlamaFlashAttention)7 });
        Refused(new() { ContextLength = uint.MaxValue });
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        Assert.Throws<ArgumentOutOfRangeException>(() => context.SetThreads(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => context.SetThreads(1, 513));

        void Refused(LlamaContextOptions options) =>
            Assert.Throws<ArgumentOutOfRangeException>(() => LlamaContext.Create(model, options));
    }

    [SkippableFact]
    public void A_cache_type_that_does_not_divide_the_heads_is_refused_by_llama_cpp()
    {
        using LlamaModel model = Models.Load(Models.Stories); // 8 values per head, Q8_0 has blocks of 32
        LlamaException e = Assert.Throws<LlamaException>(
            () => LlamaContext.Create(model, Models.SmallContext with { TypeK = LlamaCacheType.Q8_0, FlashAttention = LlamaFlashAttention.Auto }));
        Assert.Contains("llama.cpp says: ", e.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Threads_can_be_changed()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        float[] expected = Models.LastLogits(context, "Once upon a time");
        context.SetThreads(2, 2);
        context.ClearMemory();
        Close(Models.LastLogits(context, "Once upon a time"), expected);
        context.Synchronize();
    }

    [SkippableFact]
    public void Cancelling_stops_a_decode_and_the_context_works_on()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using var cancellation = new CancellationTokenSource();
        CancelInGraph.Source = cancellation;
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext with { EvalCallback = CancelInGraph.Pointer });
        var batch = new LlamaBatch(1);
        batch.Add(1, 0, wantsLogits: true);

        var e = Assert.Throws<OperationCanceledException>(() => context.Decode(batch, cancellation.Token));

        Assert.Equal(cancellation.Token, e.CancellationToken);
        Assert.Throws<ArgumentOutOfRangeException>(() => context.Logits(0).Length);
        context.ClearMemory();
        context.Decode(batch);
        Assert.Equal(512, context.Logits(0).Length);
        Assert.Throws<OperationCanceledException>(() => context.Decode(batch, cancellation.Token));
    }

    [SkippableFact]
    public void A_second_call_at_the_same_time_is_refused()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        LlamaContext? context = null;
        Exception? seen = null;
        CallInGraph.Action = () => seen ??= Record.Exception(() => context!.ClearMemory());
        using (context = LlamaContext.Create(model, Models.SmallContext with { EvalCallback = CallInGraph.Pointer }))
        {
            Models.LastLogits(context, "Once");
            Assert.IsType<InvalidOperationException>(seen);
            context.ClearMemory();
        }
    }

    [SkippableFact]
    public void A_disposed_context_says_so()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        context.Dispose();
        context.Dispose();
        var batch = new LlamaBatch(1);
        batch.Add(1, 0);
        Assert.Throws<ObjectDisposedException>(() => context.Decode(batch));
        Assert.Throws<ObjectDisposedException>(context.ClearMemory);
        Assert.Throws<ObjectDisposedException>(() => context.SetThreads(1, 1));
    }

    [SkippableFact]
    public void Contexts_of_one_model_compute_at_the_same_time()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        float[][] results = new float[4][];
        Parallel.For(0, 4, i =>
        {
            using LlamaContext context = LlamaContext.Create(model, Models.SmallContext with { Threads = 1, BatchThreads = 1 });
            results[i] = Models.LastLogits(context, "Once upon a time");
        });
        Assert.All(results, result => Assert.Equal(results[0], result));
    }

    private static float[] Decode(LlamaContext context, int[] tokens)
    {
        var batch = new LlamaBatch(tokens.Length);
        for (int i = 0; i < tokens.Length; i++)
            batch.Add(tokens[i], i, wantsLogits: i == tokens.Length - 1);
        context.Decode(batch);
        return context.Logits(tokens.Length - 1).ToArray();
    }

    private static void Close(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-3f);
    }
}
