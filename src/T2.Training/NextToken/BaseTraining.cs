using T2.Gguf;
using T2.Llama;

namespace T2.Training;

/// <summary>Makes a small base model from text: corpus, random weights, <see cref="BaseTrainer"/>, GGUF.</summary>
public static class BaseTraining
{
    /// <summary>Runs to the end. Cancelling keeps a checkpoint beside the output.</summary>
    /// <returns>The last report, and how many documents and weights there were.</returns>
    /// <exception cref="ArgumentException">The shape or an option makes no sense.</exception>
    /// <exception cref="TrainingException">There is nothing to train on, or the run cannot go on.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the checkpoint is kept.</exception>
    public static BaseResult Run(BaseRequest request, IProgress<BaseProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        RunGuard.RequireFreshOrResumable(request.CheckpointPath, request.Resume);
        using var template = GgufFile.Open(request.TemplatePath);
        var shape = request.Shape;
        if (shape.VocabularySize == 0)
            shape = shape with { VocabularySize = template.Metadata.GetStrings("tokenizer.ggml.tokens").Count };
        shape.Validate();
        var documents = ReadCorpus(request, shape.Context);
        int held = Math.Min((int)Math.Round(documents.Count * request.HoldOut), documents.Count - 1);
        int[] order = Seeds.Permutation(documents.Count, request.Seed);
        var model = TrainingModel.CreateRandom(shape, request.Seed);
        var last = BaseTrainer.Run(
            model,
            DocumentOrder.Shuffled([.. order[held..].Select(index => documents[index])], request.Seed),
            request.Options with { CheckpointPath = request.CheckpointPath, LogPath = request.LogPath, Validation = [.. order[..held].Select(index => documents[index])] },
            progress,
            cancellation);
        model.WriteGguf(request.OutputPath, template.Metadata, _ => request.Type);
        File.Delete(request.CheckpointPath);
        return new BaseResult(request.OutputPath, model.ParameterCount, documents.Count, last);
    }

    private static IReadOnlyList<TrainingDocument> ReadCorpus(BaseRequest request, int context)
    {
        LlamaLibrary.Load();
        using var tokenizer = LlamaModel.Load(request.TemplatePath, new LlamaModelOptions { VocabularyOnly = true });
        return new Corpus(tokenizer, context, request.AnswersOnly).Read(request.CorpusPaths);
    }
}

/// <summary>A base model made.</summary>
/// <param name="OutputPath">Its file.</param>
/// <param name="Parameters">Number of weights.</param>
/// <param name="Documents">Documents of the corpus, held-out ones included.</param>
/// <param name="Last">The last report.</param>
public sealed record BaseResult(string OutputPath, long Parameters, int Documents, BaseProgress Last);
