using System.Diagnostics;
using T2.Tasks;

namespace T2.Training;

/// <summary>REINFORCE on answers the model samples itself, with the weights as the last step left them.</summary>
internal sealed class PolicyGradient(TaskSet task, TrainingOptions options, TrainingEngine engine, TrainedAdapter adapter, RolloutEngine rollouts)
    : StepObjective(task, options, engine, adapter)
{
    private const ulong SampleSeeds = 2;

    private readonly TrainedAdapter _adapter = adapter;

    /// <inheritdoc/>
    internal override async Task<StepLoss> AccumulateAsync(int step, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        TaskItem[] questions = [.. Questions.Of(step).Select(index => Source.Items[index])];
        var expert = _adapter.Show(rollouts.Generator);
        ulong stepSeed = Seeds.Of(Options.Seed, SampleSeeds, (ulong)step);
        var episodes = await rollouts.SampleAsync(
            questions, Options.Samples, Options.Temperature, sample => Seeds.Of(stepSeed, SampleSeeds, (ulong)sample), expert, cancellation).ConfigureAwait(false);
        var samplingTime = Stopwatch.GetElapsedTime(started);

        int correct = episodes.Count(static episode => episode.Verdict.Correct);
        RequireReward(episodes, correct);
        var answers = new List<WeightedAnswer>(episodes.Length);
        for (int first = 0; first < episodes.Length; first += Options.Samples)
            AddAdvantages(answers, episodes.AsSpan(first, Options.Samples), episodes.Length);
        var (loss, kl, gradientTime) = Accumulate(answers, episodes.Length, cancellation);
        return new StepLoss(loss, kl, correct, episodes.Length, episodes.Sum(static episode => episode.AnswerTokens.Count), samplingTime, gradientTime);
    }

    /// <summary>A sample's reward less the baseline, for the samples of one question.</summary>
    internal static double Advantage(double reward, double sum, int samples, RewardBaseline baseline) => baseline switch
    {
        RewardBaseline.LeaveOneOut => reward - (sum - reward) / (samples - 1),
        RewardBaseline.Mean => reward - sum / samples,
        _ => reward,
    };

    private void AddAdvantages(List<WeightedAnswer> answers, ReadOnlySpan<Episode> samples, int normaliser)
    {
        double sum = 0;
        foreach (var sample in samples)
            sum += sample.Reward;
        foreach (var sample in samples)
        {
            double advantage = Advantage(sample.Reward, sum, samples.Length, Options.Baseline);
            // Where all samples fare alike there is nothing to learn, and without KL nothing to hold either.
            if (sample.AnswerTokens.Count > 0 && (advantage != 0 || Options.Kl > 0))
                answers.Add(new WeightedAnswer(sample.PromptTokens, sample.AnswerTokens, (float)(advantage / normaliser)));
        }
    }

    private void RequireReward(Episode[] episodes, int correct)
    {
        int unrewarded = correct > 0 ? 0 : Unrewarded + 1;
        if (unrewarded < Options.HopelessAfter)
            return;
        var example = episodes[0];
        string judged = example.Verdict.Problem is { } problem ? $" ({problem})" : "";
        throw new TrainingException(
            $"No answer was rewarded in {unrewarded} steps, so there is nothing to learn from: verifier '{Source.Verifier}' wants '{Shorten(example.Item.Answer)}' for question '{example.Item.Id}', "
            + $"the model said '{Shorten(example.Text)}'{judged}. Check the verifier, or train by next-token first.");
    }

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
