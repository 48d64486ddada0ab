using T2.Llama;
using T2.Tasks;

namespace T2.Training;

/// <summary>Learns the task's own answers by their likelihood, the end of the answer included; questions carry no loss.</summary>
internal sealed class NextTokenObjective : StepObjective
{
    private readonly WeightedAnswer[] _documents;

    internal NextTokenObjective(TaskSet task, TrainingOptions options, TrainingEngine engine, TrainedAdapter adapter, RolloutEngine rollouts, LlamaModel model)
        : base(task, options, engine, adapter) =>
        _documents = [.. task.Items.Select(item => Document(item, rollouts, model.Vocabulary))];

    /// <inheritdoc/>
    internal override Task<StepLoss> AccumulateAsync(int step, CancellationToken cancellation)
    {
        int[] questions = Questions.Of(step);
        var answers = new WeightedAnswer[questions.Length];
        int tokens = questions.Sum(question => _documents[question].Answer.Count);
        for (int index = 0; index < questions.Length; index++)
            answers[index] = _documents[questions[index]] with { Weight = 1f / tokens };
        var (loss, kl, elapsed) = Accumulate(answers, answers.Length, cancellation);
        return Task.FromResult(new StepLoss(loss, kl, 0, 0, 0, TimeSpan.Zero, elapsed));
    }

    private static WeightedAnswer Document(TaskItem item, RolloutEngine rollouts, LlamaVocabulary vocabulary)
    {
        var request = rollouts.Request(item);
        int[] prompt = rollouts.Generator.Tokenize(request);
        // Tokenised with its question, so that the answer's first token is the one that stands at this place in running text.
        int[] whole = vocabulary.Tokenize(rollouts.Generator.Render(request) + item.Answer, addSpecial: true, parseSpecial: true);
        int extra = whole.Length > prompt.Length && prompt.Length > 0 && whole[0] != whole[1] ? 0 : LeadingRepeat(whole);
        int common = prompt.AsSpan().CommonPrefixLength(whole.AsSpan(extra));
        if (common == 0 || item.Answer.Length == 0)
            throw new TrainingException($"Question '{item.Id}' has no answer to learn.");
        int end = vocabulary.EndOfTurn ?? vocabulary.EndOfSequence
            ?? throw new TrainingException("The model has no token that ends an answer; next-token training would never teach it to stop.");
        return new WeightedAnswer(prompt[..common], [.. whole[(extra + common)..], end], 0);
    }

    /// <summary>1 where the tokenizer put a beginning-of-sequence token in front of one the template wrote out.</summary>
    private static int LeadingRepeat(int[] tokens) => tokens.Length >= 2 && tokens[0] == tokens[1] ? 1 : 0;
}
