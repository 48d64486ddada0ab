using System.Diagnostics;
using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime;
using T2.Tasks;

namespace T2.Evaluation;

/// <summary>Answers what one strategy has not answered of one task.</summary>
internal sealed class StrategyRun(AdaptiveModel model, EvaluationOptions options, BatchGenerator generator, EvaluationLog log, ProgressCounter counter)
{
    /// <summary>Answers between two hand-overs of the log to the operating system.</summary>
    private const int FlushEvery = 64;

    private double _pass1;
    private double _rebuild;
    private double _pass2;

    internal async Task RunAsync(TaskSet task, IVerifier verifier, EvaluationStrategy strategy, CancellationToken cancellation)
    {
        var pending = Evaluator.Pending(task, strategy, log).ToArray();
        var done = log.Items(task.Name, strategy.Name);
        counter.Begin(task, strategy, task.Items.Count - pending.Length, task.Items.Count(item => done.TryGetValue(item.Id, out var record) && record.Correct));
        if (pending.Length == 0)
            return;
        var judge = new Judge(task, verifier, strategy, log, counter, options.Judges);
        try
        {
            switch (strategy)
            {
                case FixedStrategy fixedTo:
                    await AnswerAsync(task, pending.Select(static item => new Asked(item, null)), fixedTo.Only, judge, cancellation).ConfigureAwait(false);
                    break;
                case PerTaskStrategy perTask:
                    await AnswerAsync(task, pending.Select(static item => new Asked(item, null)), perTask.Experts[task.Name], judge, cancellation).ConfigureAwait(false);
                    break;
                case LoraStrategy lora:
                    generator.SetLoraAdapters(new LlamaLoraUse(lora.Adapter));
                    await AnswerAsync(task, pending.Select(static item => new Asked(item, null)), null, judge, cancellation).ConfigureAwait(false);
                    break;
                case DispatchedStrategy dispatched:
                    await DispatchAsync(task, pending, dispatched, judge, cancellation).ConfigureAwait(false);
                    break;
                default:
                    throw new NotSupportedException($"Strategy '{strategy.Name}' is of an unknown kind.");
            }
        }
        finally
        {
            generator.SetLoraAdapters();
            await judge.DisposeAsync().ConfigureAwait(false);
            log.Write(new LogLine(Time: new TimeRecord(task.Name, strategy.Name, judge.Judged, _pass1, _rebuild, _pass2)));
            log.Flush();
        }
    }

    private async Task AnswerAsync(TaskSet task, IEnumerable<Asked> asked, Expert? expert, Judge judge, CancellationToken cancellation)
    {
        var requests = asked.Select(question => new BatchRequest(question.Item.Prompt)
        {
            System = question.Item.System,
            MaxTokens = task.MaxTokens,
            Sampling = options.Sampling,
            Seed = SeedOf(question.Item),
            Tag = question,
        });
        int answers = 0;
        long started = Stopwatch.GetTimestamp();
        await foreach (var answer in generator.GenerateAsync(requests, expert, cancellation).ConfigureAwait(false))
        {
            await judge.AddAsync((Asked)answer.Request.Tag!, answer, cancellation).ConfigureAwait(false);
            if (++answers % FlushEvery == 0)
                log.Flush();
        }
        double rebuild = generator.LastReport!.Rebuild.Elapsed.TotalSeconds;
        _rebuild += rebuild;
        _pass2 += Stopwatch.GetElapsedTime(started).TotalSeconds - rebuild;
    }

    /// <summary>Pass 1 for all questions, then pass 2 for the questions of one expert after another: each expert is rebuilt once.</summary>
    private async Task DispatchAsync(TaskSet task, TaskItem[] pending, DispatchedStrategy strategy, Judge judge, CancellationToken cancellation)
    {
        var asked = new List<Asked>(pending.Length);
        long started = Stopwatch.GetTimestamp();
        await using (var dispatcher = new BatchDispatcher(model, new SessionOptions { Format = options.Format, Threads = options.Threads }))
        {
            foreach (var chunk in pending.Chunk(options.DispatchBatch))
            {
                var decisions = await dispatcher.DecideAsync(strategy.Dispatch, [.. chunk.Select(static item => item.Prompt)], cancellation).ConfigureAwait(false);
                asked.AddRange(chunk.Zip(decisions, static (item, decision) => new Asked(item, decision)));
            }
        }
        _pass1 += Stopwatch.GetElapsedTime(started).TotalSeconds;

        foreach (var group in asked.GroupBy(question => ExpertOf(question.Decision!)))
            await AnswerAsync(task, group, group.Key, judge, cancellation).ConfigureAwait(false);
    }

    private Expert? ExpertOf(DispatchDecision decision) => decision.Found ?? (decision.Expert is { } name ? model.Experts.Get(name) : null);

    private ulong SeedOf(TaskItem item)
    {
        // FNV-1a over the id: an item's seed does not depend on which others are asked.
        ulong hash = 14695981039346656037UL ^ options.Seed;
        foreach (char character in item.Id)
            hash = (hash ^ character) * 1099511628211UL;
        return hash;
    }
}

/// <summary>A question and what pass 1 decided on it; null without a first pass.</summary>
internal sealed record Asked(TaskItem Item, DispatchDecision? Decision);
