using T2.Llama;
using T2.Tasks;

namespace T2.Training;

/// <summary>
/// Holds what a run is not about: adds weight/n·Σ KL(π ‖ base) over n answers a step to questions of another set. There is neither reward nor likelihood in it,
/// so its answers only say at which tokens the two distributions are compared.
/// </summary>
internal sealed class Anchor
{
    private const ulong AnchorSeeds = 3;

    private readonly double _weight;
    private readonly TrainingEngine _engine;
    private readonly WeightedAnswer[] _answers;
    private readonly QuestionOrder _order;

    /// <param name="questions">What is to stay as it is.</param>
    /// <param name="options">The run's options.</param>
    /// <param name="engine">Computes the gradient.</param>
    /// <param name="rollouts">Renders questions.</param>
    /// <param name="model">The base.</param>
    /// <param name="context">Tokens that the engine can take.</param>
    /// <exception cref="TrainingException">A question has no answer, or is too long with it.</exception>
    internal Anchor(TaskSet questions, TrainingOptions options, TrainingEngine engine, RolloutEngine rollouts, LlamaModel model, int context)
    {
        _weight = options.AnchorWeight;
        _engine = engine;
        _answers = [.. questions.Items.Select(item => AnswerTokens.Given(model.Vocabulary, rollouts.Generator.Render(rollouts.Request(item)), item))];
        int tooLong = Array.FindIndex(_answers, answer => answer.Length > context);
        if (tooLong >= 0)
            throw new TrainingException($"Question '{questions.Items[tooLong].Id}' of the anchor '{questions.Name}' takes {_answers[tooLong].Length} tokens with its answer, the model's context is {context}.");
        _order = new QuestionOrder(_answers.Length, options.AnchorBatch, Seeds.Of(options.Seed, AnchorSeeds, 0));
    }

    /// <summary>Adds a step's part to the engine's gradients.</summary>
    /// <param name="step">Steps done before this one.</param>
    /// <param name="cancellation">Cancels; the adapter's values are untouched.</param>
    /// <returns>What was added to the loss, and KL of a token in nats.</returns>
    internal (double Loss, double Kl) Accumulate(int step, CancellationToken cancellation)
    {
        int[] questions = _order.Of(step);
        double coefficient = _weight / questions.Length;
        var sum = AnswerLoss.Accumulate(_engine, [.. questions.Select(question => _answers[question])], coefficient, cancellation);
        return (coefficient * sum.Kl, sum.MeanKl);
    }
}
