using T2.Llama;
using T2.Weights;

namespace T2.Runtime;

/// <summary>The throw-away decode that shows a model's weights, over T2's own bindings.</summary>
internal sealed class LlamaWeightProbe(LlamaModel model) : IWeightProbe
{
    public void DecodeOnce(nint evalCallback, nint userData)
    {
        using var context = LlamaContext.Create(model, new LlamaContextOptions
        {
            ContextLength = 32,
            BatchSize = 32,
            MicroBatchSize = 32,
            MaxSequences = 1,
            Threads = 1,
            BatchThreads = 1,
            EvalCallback = evalCallback,
            EvalCallbackData = userData,
        });
        var batch = new LlamaBatch(1);
        batch.Add(model.Vocabulary.BeginningOfSequence ?? 0, 0, 0, true);
        context.Decode(batch);
    }
}
