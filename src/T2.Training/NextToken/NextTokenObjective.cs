using T2.Llama;
using T2.Tasks;

namespace T2.Training;

/// <summary>Learns the task's own answers by their likelihood, the end of the answer included; questions carry no loss.</summary>
internal sealed class NextTokenObjective : StepObjective
{
    private readonly WeightedAnswer[] _documents;

    internal NextTokenObjective(TaskSet task, TrainingOptions options, TrainingEngine engine, TrainedAdapter adapter, RolloutEngine rollouts, LlamaModel model)
        : base(task, options, engine, adapter) =>
        _documents = [.. task.Items.Select(item => AnswerTokens.Given(model.Vocabulary, rollouts.Generator.Render(rollouts.Request(item)), item))];

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
}
