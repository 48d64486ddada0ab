using T2.Gguf.Experts;

namespace T2.Runtime;

/// <summary>Pass 1: decides under the base weights which expert a prompt needs.</summary>
public interface IDispatchStrategy
{
    /// <summary>Short name for reports.</summary>
    string Name { get; }

    /// <summary>The expert that pass 1 runs under, a <see cref="Expert.IsClassifier">classifier</see>; null = the base weights.</summary>
    Expert? Classifier => null;

    /// <summary>Whether it reads the prompt. One that does not costs no first pass: its reader must not be used, and there may be no labels.</summary>
    bool ReadsPrompt => true;

    /// <summary>Decides. Runs on a worker thread and may block.</summary>
    /// <param name="reader">The model on its base weights, or on <see cref="Classifier"/>.</param>
    /// <param name="question">What the user asked.</param>
    /// <param name="labels">The experts to choose from, without "other". Never empty.</param>
    /// <param name="cancellation">Observed between decodes.</param>
    DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation);

    /// <summary>Decides for many questions, by default one after the other.</summary>
    /// <param name="reader">The model on its base weights, or on <see cref="Classifier"/>.</param>
    /// <param name="questions">What the users asked.</param>
    /// <param name="labels">The experts to choose from, without "other". Never empty.</param>
    /// <param name="cancellation">Observed between decodes.</param>
    /// <returns>A decision per question.</returns>
    IReadOnlyList<DispatchDecision> DecideAll(
        IDispatchReader reader, IReadOnlyList<string> questions, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation) =>
        [.. questions.Select(question => Decide(reader, question, labels, cancellation))];
}

/// <summary>An expert as dispatch sees it.</summary>
/// <param name="Name">Its name: the label.</param>
/// <param name="Description">One line on what it is for; may be null.</param>
public sealed record ExpertLabel(string Name, string? Description);

/// <summary>What pass 1 decided.</summary>
/// <param name="Expert">Name of the chosen expert; null = "other" or not sure, which both mean the base weights.</param>
/// <param name="Confidence">Probability of the best label among the labels, 0..1; for a strategy that does not score, 1 or 0.</param>
/// <param name="Scores">Every label with its probability, best first; empty for a strategy that does not score.</param>
/// <param name="Tokens">Tokens decoded to decide.</param>
/// <param name="Reason">Why, for a person.</param>
public sealed record DispatchDecision(string? Expert, double Confidence, IReadOnlyList<LabelScore> Scores, int Tokens, string Reason)
{
    /// <summary>Weights that the strategy found itself, such as a mixture; null = those of <see cref="Expert"/> in the library.</summary>
    public T2.Gguf.Experts.Expert? Found { get; init; }
}

/// <summary>A label and its probability among the labels.</summary>
public readonly record struct LabelScore(string Label, double Probability);

/// <summary>What a dispatch strategy may do with the model.</summary>
public interface IDispatchReader
{
    /// <summary>Renders a conversation with the session's chat format, up to where the assistant would speak.</summary>
    string Render(string system, string user);

    /// <summary>
    /// Log-likelihood (natural, summed over tokens) of each continuation of <paramref name="prompt"/>, from one prefill of the part they all share.
    /// </summary>
    /// <param name="prompt">Rendered text.</param>
    /// <param name="continuations">At least one.</param>
    /// <param name="cancellation">Observed between decodes.</param>
    /// <param name="tokens">Tokens decoded.</param>
    /// <exception cref="PromptTooLongException">The text does not fit the context.</exception>
    double[] Score(string prompt, IReadOnlyList<string> continuations, CancellationToken cancellation, out int tokens);

    /// <summary>The same for many prompts, by default one after the other.</summary>
    /// <param name="prompts">Rendered texts.</param>
    /// <param name="continuations">At least one; scored after every prompt.</param>
    /// <param name="cancellation">Observed between decodes.</param>
    /// <param name="tokens">Tokens decoded for each prompt.</param>
    /// <exception cref="PromptTooLongException">A text does not fit the context.</exception>
    double[][] ScoreAll(IReadOnlyList<string> prompts, IReadOnlyList<string> continuations, CancellationToken cancellation, out int[] tokens)
    {
        var counts = new int[prompts.Count];
        var scores = new double[prompts.Count][];
        for (int index = 0; index < scores.Length; index++)
            scores[index] = Score(prompts[index], continuations, cancellation, out counts[index]);
        tokens = counts;
        return scores;
    }

    /// <summary>Continues <paramref name="prompt"/> greedily.</summary>
    /// <exception cref="PromptTooLongException">The text does not fit the context.</exception>
    string Continue(string prompt, int maxTokens, CancellationToken cancellation, out int tokens);
}
