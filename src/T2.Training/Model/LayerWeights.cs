namespace T2.Training;

/// <summary>The tensors of one block.</summary>
internal sealed record LayerWeights(
    ModelTensor AttentionNorm,
    ModelTensor Query,
    ModelTensor Key,
    ModelTensor Value,
    ModelTensor? QueryBias,
    ModelTensor? KeyBias,
    ModelTensor? ValueBias,
    ModelTensor AttentionOutput,
    ModelTensor FeedForwardNorm,
    ModelTensor Gate,
    ModelTensor Up,
    ModelTensor Down);
