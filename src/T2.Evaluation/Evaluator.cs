using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using T2.Llama;
using T2.Runtime;
using T2.Tasks;

namespace T2.Evaluation;

/// <summary>
/// Answers tasks with strategies and counts who was right. Many answers are under way at a time; dispatched questions that chose the same expert are answered
/// together. Every answer is logged as it comes, so that a stopped run goes on where it was; an item that fails is counted and stops nothing.
/// </summary>
public sealed class Evaluator
{
    private const int ContextStep = 64;

    private readonly AdaptiveModel _model;
    private readonly EvaluationOptions _options;

    /// <summary>Makes an evaluator for a model; dispatch chooses among its <see cref="AdaptiveModel.Experts"/>.</summary>
    public Evaluator(AdaptiveModel model, EvaluationOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        _model = model;
        _options = options;
    }

    /// <summary>Answers what is not in the folder's log yet, and reports on all of it.</summary>
    /// <param name="tasks">Tasks of different names.</param>
    /// <param name="strategies">Strategies of different names.</param>
    /// <param name="progress">Told after every few answers; called on a worker thread.</param>
    /// <param name="cancellation">Stops between tokens; what is answered is kept.</param>
    /// <exception cref="EvaluationException">The folder's log is damaged, or holds answers of another model, task, strategy or setting of the same name.</exception>
    /// <exception cref="ExpertMismatchException">An expert does not fit the model.</exception>
    /// <exception cref="ArgumentException">Two tasks or strategies have the same name, or a task's verifier is refused.</exception>
    public async Task<EvaluationReport> RunAsync(
        IReadOnlyList<TaskSet> tasks, IReadOnlyList<EvaluationStrategy> strategies, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        ArgumentNullException.ThrowIfNull(strategies);
        RequireDistinct(tasks.Select(static task => task.Name), "tasks");
        RequireDistinct(strategies.Select(static strategy => strategy.Name), "strategies");
        var verifiers = tasks.Select(_options.Verifier).ToArray();

        using var log = EvaluationLog.Open(_options.Folder);
        string settings = Settings();
        log.Declare("model", "weights", _model.Fingerprint);
        log.Declare("setting", "answers", settings);
        foreach (var task in tasks)
            log.Declare("task", task.Name, IdentityOf(task));
        foreach (var (name, identity) in strategies.SelectMany(strategy => strategy.Identities(tasks.Select(static task => task.Name))))
            log.Declare("strategy", name, identity);

        var counter = new ProgressCounter(tasks, strategies, log, progress);
        var plan = (from task in Enumerable.Range(0, tasks.Count) from strategy in strategies select (Task: tasks[task], Verifier: verifiers[task], Strategy: strategy)).ToArray();
        if (plan.Any(step => Pending(step.Task, step.Strategy, log).Any()))
        {
            await using var generator = new BatchGenerator(_model, GeneratorOptions(tasks));
            // Strategy by strategy, so that a fixed expert is rebuilt once for all tasks.
            foreach (var step in plan.OrderBy(step => strategies.ToList().IndexOf(step.Strategy)))
                await new StrategyRun(_model, _options, generator, log, counter).RunAsync(step.Task, step.Verifier, step.Strategy, cancellation).ConfigureAwait(false);
        }
        log.Flush();
        return ReportBuilder.Build(_model, settings, tasks, strategies, log);
    }

    /// <summary>Removes the answers of a folder, so that the next run begins anew.</summary>
    /// <exception cref="IOException">They cannot be removed.</exception>
    public static void Forget(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string log = Path.Combine(folder, EvaluationLog.FileName);
        if (File.Exists(log))
            File.Delete(log);
    }

    internal static IEnumerable<TaskItem> Pending(TaskSet task, EvaluationStrategy strategy, EvaluationLog log)
    {
        var done = log.Items(task.Name, strategy.Name);
        return task.Items.Where(item => !done.ContainsKey(item.Id));
    }

    private BatchOptions GeneratorOptions(IReadOnlyList<TaskSet> tasks)
    {
        var options = new BatchOptions { Sequences = _options.Sequences, Threads = _options.Threads, Format = _options.Format };
        if (_options.ContextLength > 0)
            return options with { ContextLength = _options.ContextLength };
        int needed = tasks.Max(task => task.MaxTokens + task.Items.Max(item => LongestPrompt(item)));
        int most = Math.Max(ContextStep, _model.Native.ContextLength);
        return options with { ContextLength = Math.Min(most, (needed + ContextStep - 1) / ContextStep * ContextStep) };
    }

    /// <summary>Tokens of an item's prompt; 0 for one that cannot be tokenised, which then fails as an item.</summary>
    private int LongestPrompt(TaskItem item)
    {
        try
        {
            return BatchGenerator.Tokenize(_model, _options.Format, new BatchRequest(item.Prompt) { System = item.System }).Length;
        }
        catch (Exception exception) when (exception is LlamaException or ArgumentException)
        {
            return 0;
        }
    }

    private string Settings()
    {
        var sampling = _options.Sampling;
        string how = sampling.Temperature <= 0
            ? "greedy"
            : string.Create(CultureInfo.InvariantCulture, $"temperature {sampling.Temperature}, top-k {sampling.TopK}, top-p {sampling.TopP}, min-p {sampling.MinP}, seed {_options.Seed}");
        return $"{how}; chat format {_options.Format.Name}";
    }

    private static string IdentityOf(TaskSet task)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, task.Verifier, task.MaxTokens.ToString(CultureInfo.InvariantCulture));
        foreach (var item in task.Items)
        {
            Append(hash, item.Id, item.Prompt, item.Answer, item.System ?? "");
            Append(hash, [.. item.Choices ?? []]);
        }
        return EvaluationStrategy.Short(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, params ReadOnlySpan<string> texts)
    {
        foreach (string text in texts)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(text));
            hash.AppendData([0]);
        }
    }

    private static void RequireDistinct(IEnumerable<string> names, string what)
    {
        if (names.CountBy(static name => name).FirstOrDefault(static pair => pair.Value > 1).Key is { } twice)
            throw new ArgumentException($"Two {what} are named '{twice}'.");
    }
}
