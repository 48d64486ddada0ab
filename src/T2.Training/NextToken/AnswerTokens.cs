using T2.Llama;
using T2.Tasks;

namespace T2.Training;

/// <summary>A question as a model is prompted with it, and the answer it should give, as tokens.</summary>
internal static class AnswerTokens
{
    /// <summary>Tokenises an answer where it stands: after its question, so that its first token is the one of running text.</summary>
    /// <param name="vocabulary">The model's.</param>
    /// <param name="rendered">The question through the chat template, up to where the assistant speaks.</param>
    /// <param name="answer">The answer.</param>
    /// <returns>The question's tokens, and the answer's with the token that ends it. The answer is empty where the text has no token of its own.</returns>
    /// <exception cref="TrainingException">The model has no token that ends an answer.</exception>
    internal static (int[] Prompt, int[] Answer) Of(LlamaVocabulary vocabulary, string rendered, string answer)
    {
        int end = vocabulary.EndOfTurn ?? vocabulary.EndOfSequence
            ?? throw new TrainingException("The model has no token that ends an answer; next-token training would never teach it to stop.");
        int[] whole = Of(vocabulary, rendered + answer);
        int common = Of(vocabulary, rendered).AsSpan().CommonPrefixLength(whole);
        int[] said = whole[common..];
        return (whole[..common], said is [.., var last] && vocabulary.IsEndOfGeneration(last) ? said : [.. said, end]);
    }

    /// <summary>The answer that a question's item gives, of no weight yet.</summary>
    /// <exception cref="TrainingException">It gives none, or the model has no token that ends an answer.</exception>
    internal static WeightedAnswer Given(LlamaVocabulary vocabulary, string rendered, TaskItem item)
    {
        var (prompt, answer) = Of(vocabulary, rendered, item.Answer);
        return prompt.Length > 0 && item.Answer.Length > 0
            ? new WeightedAnswer(prompt, answer, 0)
            : throw new TrainingException($"Question '{item.Id}' has no answer to learn from.");
    }

    /// <summary>Text to tokens, with the token at the start exactly once: some templates write it out, and the tokenizer adds another.</summary>
    internal static int[] Of(LlamaVocabulary vocabulary, string text)
    {
        int[] tokens = vocabulary.Tokenize(text, addSpecial: true, parseSpecial: true);
        return tokens.Length >= 2 && vocabulary.BeginningOfSequence is int bos && tokens[0] == bos && tokens[1] == bos ? tokens[1..] : tokens;
    }
}
