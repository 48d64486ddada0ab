namespace T2.Llama.Tests;

public sealed class LlamaLoraAdapterTests
{
    private const string Prompt = "Once upon a time";

    [SkippableFact]
    public void An_adapter_changes_the_logits_by_its_scale_and_goes_without_trace()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        using LlamaLoraAdapter adapter = LlamaLoraAdapter.Load(model, Models.Path(Models.StoriesLora));
        float[] plain = Logits();

        context.SetLoraAdapters(new LlamaLoraUse(adapter));
        float[] full = Logits();
        context.SetLoraAdapters(new LlamaLoraUse(adapter, 0.5f));
        float[] half = Logits();
        context.SetLoraAdapters(new LlamaLoraUse(adapter, 0));
        float[] none = Logits();
        context.SetLoraAdapters();

        Assert.True(Distance(plain, full) > 0.1, "the adapter changes nothing");
        Assert.InRange(Distance(plain, half), 0.01, Distance(plain, full));
        Assert.Equal(plain, none);
        Assert.Equal(plain, Logits());

        float[] Logits()
        {
            context.ClearMemory();
            return Models.LastLogits(context, Prompt);
        }
    }

    [SkippableFact]
    public void A_context_keeps_an_adapter_that_is_disposed_while_in_use()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        LlamaLoraAdapter adapter = LlamaLoraAdapter.Load(model, Models.Path(Models.StoriesLora));
        context.SetLoraAdapters(new LlamaLoraUse(adapter));
        float[] before = Models.LastLogits(context, Prompt);
        adapter.Dispose();
        Assert.False(adapter.Handle.IsClosed);

        context.ClearMemory();
        Assert.Equal(before, Models.LastLogits(context, Prompt));

        context.SetLoraAdapters();
        Assert.True(adapter.Handle.IsClosed);
        Assert.Throws<ObjectDisposedException>(() => context.SetLoraAdapters(new LlamaLoraUse(adapter)));
    }

    [SkippableFact]
    public void An_adapter_and_a_context_together_keep_the_model()
    {
        LlamaModel model = Models.Load(Models.Stories);
        LlamaLoraAdapter adapter = LlamaLoraAdapter.Load(model, Models.Path(Models.StoriesLora));
        LlamaContext context = LlamaContext.Create(model, Models.SmallContext);
        context.SetLoraAdapters(new LlamaLoraUse(adapter));
        model.Dispose();
        adapter.Dispose();
        Assert.False(model.Handle.IsClosed);
        Models.LastLogits(context, Prompt);
        context.Dispose();
        Assert.True(adapter.Handle.IsClosed);
        Assert.True(model.Handle.IsClosed);
    }

    [SkippableFact]
    public void An_adapter_of_another_model_is_refused()
    {
        using LlamaModel stories = Models.Load(Models.Stories);
        using LlamaModel other = Models.Load(Models.Stories);
        using LlamaContext context = LlamaContext.Create(other, Models.SmallContext);
        using LlamaLoraAdapter adapter = LlamaLoraAdapter.Load(stories, Models.Path(Models.StoriesLora));
        Assert.Contains(adapter.Path, Assert.Throws<LlamaException>(
            () => context.SetLoraAdapters(new LlamaLoraUse(adapter))).Message, StringComparison.Ordinal);
        using LlamaContext own = LlamaContext.Create(stories, Models.SmallContext);
        Assert.Throws<ArgumentOutOfRangeException>(() => own.SetLoraAdapters(new LlamaLoraUse(adapter, float.NaN)));
    }

    [SkippableFact]
    public void Files_that_do_not_fit_are_named_with_llama_cpps_reason()
    {
        using LlamaModel model = Models.Load(Models.Stories);
        foreach (string file in new[] { Models.Path(Models.TinyLora), Models.Path(Models.Stories), typeof(LlamaLoraAdapterTests).Assembly.Location })
        {
            LlamaException e = Assert.Throws<LlamaException>(() => LlamaLoraAdapter.Load(model, file));
            Assert.Contains(file, e.Message, StringComparison.Ordinal);
            Assert.Contains("llama.cpp says: ", e.Message, StringComparison.Ordinal);
        }

        Assert.Contains("no such file", Assert.Throws<LlamaException>(() => LlamaLoraAdapter.Load(model, "/no/such/file")).Message, StringComparison.Ordinal);
    }

    private static double Distance(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();
}
