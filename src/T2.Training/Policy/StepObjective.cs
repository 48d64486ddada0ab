using System.Diagnostics;
using T2.Tasks;

namespace T2.Training;

/// <summary>How one step's gradient comes about.</summary>
internal abstract class StepObjective(TaskSet source, TrainingOptions options, TrainingEngine engine, TrainedAdapter adapter)
{
    // Activations and logits of this many tokens are held at a time.
    private const int TokensAtOnce = 8192;

    /// <summary>The task's questions.</summary>
    protected TaskSet Source { get; } = source;

    /// <summary>The run's options.</summary>
    protected TrainingOptions Options { get; } = options;

    /// <summary>Adds a step's gradient to the adapter's.</summary>
    /// <param name="step">Steps done before this one.</param>
    /// <param name="cancellation">Cancels; the adapter's values are untouched.</param>
    internal abstract Task<StepLoss> AccumulateAsync(int step, CancellationToken cancellation);

    /// <summary>Which of the task's questions a step asks.</summary>
    protected QuestionOrder Questions { get; } = new(source.Items.Count, options.Batch, options.Seed);

    /// <summary>Accumulates the gradient of Σ weight·(−log π(answer)) + λ/n·Σ KL over n answers.</summary>
    protected (double Loss, double Kl, TimeSpan Elapsed) Accumulate(IReadOnlyList<WeightedAnswer> answers, int normaliser, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        adapter.Engine.ZeroGradient();
        double loss = 0;
        double kl = 0;
        long tokens = 0;
        for (int first = 0; first < answers.Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            int last = first;
            int length = 0;
            while (last < answers.Count && (last == first || length + answers[last].Length <= TokensAtOnce))
                length += answers[last++].Length;
            var result = engine.Accumulate(Pack(answers, first, last, length), (float)(Options.Kl / normaliser));
            loss += result.Loss + Options.Kl / normaliser * result.Kl;
            kl += result.Kl;
            tokens += result.Targets;
            first = last;
        }
        return (loss, tokens > 0 ? kl / tokens : 0, Stopwatch.GetElapsedTime(started));
    }

    private static PackedBatch Pack(IReadOnlyList<WeightedAnswer> answers, int first, int last, int length)
    {
        int[] tokens = new int[length];
        int[] targets = new int[length];
        float[] weights = new float[length];
        int[] starts = new int[last - first + 1];
        Array.Fill(targets, -1);
        int at = 0;
        for (int index = first; index < last; index++)
        {
            var answer = answers[index];
            starts[index - first] = at;
            for (int position = 0; position < answer.Length; position++, at++)
            {
                tokens[at] = answer.TokenAt(position);
                if (position + 1 < answer.Prompt.Count)
                    continue;
                targets[at] = answer.TokenAt(position + 1);
                weights[at] = answer.Weight;
            }
        }
        starts[^1] = at;
        return new PackedBatch(tokens, starts, targets, weights);
    }
}

/// <summary>An answer and the weight of its −log π in the loss.</summary>
/// <param name="Prompt">Tokens before the answer, at least one.</param>
/// <param name="Answer">The answer's tokens, at least one.</param>
/// <param name="Weight">Signed.</param>
internal readonly record struct WeightedAnswer(IReadOnlyList<int> Prompt, IReadOnlyList<int> Answer, float Weight)
{
    /// <summary>Tokens the model reads: all but the last, which it only has to predict.</summary>
    internal int Length => Prompt.Count + Answer.Count - 1;

    internal int TokenAt(int position) => position < Prompt.Count ? Prompt[position] : Answer[position - Prompt.Count];
}
