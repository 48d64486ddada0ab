using System.Globalization;
using T2.Llama;
using T2.Runtime;
using T2.Tasks;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>dispatch --model FILE --experts DIR --questions FILE [--factors FILE] [--requests N] [--tokens N] [--threads N]</c>: what pass 1 costs beside pass 2, under
/// prompt and, where the folder has a classification expert, cls, for questions as they are and joined to about 100 and 400 tokens, one request at a time through
/// <see cref="AdaptiveSession"/>. Every request is asked twice: answered as the model ends it, and with N (128) tokens really generated, its end ignored. All
/// variants take turns within each request, every other request backwards; rows have medians, and shares are medians of the requests' own shares. Experts are
/// prepared and the instruction is kept before anything is timed.
/// </summary>
internal static class Dispatch
{
    private const int AnswerTokens = 48;
    private static readonly int[] s_lengths = [0, 100, 400];

    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--model", "--experts", "--questions", "--factors", "--requests", "--tokens", "--threads");
        int Number(string name, int fallback) => options.Find(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : fallback;
        var task = TaskSet.Load(options.Require("--questions"));
        RunAsync(
            options.Require("--model"), options.Require("--experts"), task, options.Find("--factors"), Number("--requests", 200), Number("--tokens", 128),
            Number("--threads", 0)).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync(string path, string experts, TaskSet task, string? factors, int requests, int tokens, int threads)
    {
        await using var model = await AdaptiveModel.LoadAsync(path, new ModelOptions { FactorPath = factors });
        foreach (string file in Directory.GetFiles(experts, "*.gguf").Order(StringComparer.Ordinal))
            model.Experts.Load(file);
        if (model.Experts.Experts.Count == 0)
            throw new ArgumentException($"There are no experts in '{experts}'.");
        await using var session = model.CreateSession(new SessionOptions { Threads = threads });
        List<IDispatchStrategy> strategies = [new ScoredChoiceDispatch()];
        if (model.Experts.Classifiers is [var classifier, ..])
            strategies.Add(new ClassificationDispatch(classifier));

        Series[] series = [.. from strategy in strategies from length in s_lengths from ignoreEnd in new[] { false, true } select new Series(strategy, length, ignoreEnd)];
        foreach (var expert in model.Experts.Experts.Concat(model.Experts.Classifiers))
            await model.ApplyAsync(expert);
        for (int request = -2; request < requests; request++)
        {
            foreach (var one in request % 2 == 0 ? series : series.Reverse())
            {
                string question = Question(model, task, Math.Abs(request), one.Length);
                await foreach (string _ in session.AskAsync(question, one.Options(tokens)))
                {
                }
                if (request >= 0)
                    one.Add(session.LastReport!);
            }
        }

        Console.WriteLine($"{Path.GetFileName(path)}, {model.Experts.Experts.Count} experts, {requests} requests a row taking turns, after two for warming up; milliseconds");
        Console.WriteLine($"| strategy | question, tokens | answer, tokens | weights for pass 1 | dispatch, tokens | dispatch | pass 1 | weights for pass 2 | prefill | generate | pass 2 | pass 1 of pass 2 (quartiles) | pass 1 of the total (quartiles) |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (var one in series)
            Console.WriteLine(one.Row());
        Console.WriteLine("\nThe paper's pass 1 takes 13 %, 19 % and 47 % of pass 2's time (MATH, HumanEval, ARC-Challenge; Llama3-8B, whole test sets).");
    }

    /// <summary>Questions one after the other, from a place of its own for each request, until they are long enough.</summary>
    private static string Question(AdaptiveModel model, TaskSet task, int request, int length)
    {
        string question = task.Items[request % task.Items.Count].Prompt;
        for (int next = request + 1; model.Native.Vocabulary.Tokenize(question, addSpecial: false).Length < length; next++)
            question += "\n" + task.Items[next % task.Items.Count].Prompt;
        return question;
    }

    private sealed class Series(IDispatchStrategy strategy, int length, bool ignoreEnd)
    {
        private readonly List<AskReport> _reports = [];

        internal int Length => length;

        internal AskOptions Options(int tokens) => new()
        {
            Dispatch = strategy,
            MaxTokens = ignoreEnd ? tokens : AnswerTokens,
            IgnoreEnd = ignoreEnd,
            Sampling = LlamaSamplingOptions.Greedy,
        };

        internal void Add(AskReport report) => _reports.Add(report);

        internal string Row() => string.Create(
            CultureInfo.InvariantCulture,
            $"| {strategy.Name} | {Median(static report => report.PromptTokens):0} | {Median(static report => report.GeneratedTokens):0}{(ignoreEnd ? ", end ignored" : "")} | {Time(Stage.Reset)} | {Median(static report => report.Decision!.Tokens):0} | {Time(Stage.Dispatch)} | {Median(FirstPass):0.00} | {Time(Stage.Factor, Stage.Rebuild)} | {Time(Stage.Prefill)} | {Time(Stage.Decode)} | {Median(SecondPass):0.00} | {Share(static report => FirstPass(report) / SecondPass(report))} | {Share(static report => FirstPass(report) / (FirstPass(report) + SecondPass(report)))} |");

        private static double FirstPass(AskReport report) => Milliseconds(report, Stage.Reset, Stage.Dispatch);

        private static double SecondPass(AskReport report) => Milliseconds(report, Stage.Factor, Stage.Rebuild, Stage.Prefill, Stage.Decode);

        private static double Milliseconds(AskReport report, params ReadOnlySpan<Stage> stages)
        {
            double sum = 0;
            foreach (var stage in stages)
                sum += report.TimeOf(stage).TotalMilliseconds;
            return sum;
        }

        private string Time(params Stage[] stages) => Median(report => Milliseconds(report, stages)).ToString("0.00", CultureInfo.InvariantCulture);

        private double Median(Func<AskReport, double> value) => Bench.Statistics.Median(_reports.Select(value));

        private string Share(Func<AskReport, double> value)
        {
            double[] shares = [.. _reports.Select(value).Order()];
            return string.Create(CultureInfo.InvariantCulture, $"{Bench.Statistics.Median(shares):P1} ({shares[shares.Length / 4]:P1} to {shares[shares.Length * 3 / 4]:P1})");
        }
    }
}
