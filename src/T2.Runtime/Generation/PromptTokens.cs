using T2.Llama;

namespace T2.Runtime;

/// <summary>Rendered text to tokens, with the special token at the start exactly once.</summary>
internal static class PromptTokens
{
    internal static int[] Of(LlamaModel model, string rendered)
    {
        var vocabulary = model.Vocabulary;
        int[] tokens = vocabulary.Tokenize(rendered, addSpecial: true, parseSpecial: true);
        // Some templates write the beginning-of-sequence token out, and the tokenizer adds another: a known way to lose accuracy.
        return tokens.Length >= 2 && vocabulary.BeginningOfSequence is int bos && tokens[0] == bos && tokens[1] == bos ? tokens[1..] : tokens;
    }
}
