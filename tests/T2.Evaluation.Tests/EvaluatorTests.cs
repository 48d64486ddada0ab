using System.Text.Json.Nodes;
using T2.Gguf.Experts;
using T2.Kernels;
using T2.Llama;
using T2.Runtime;
using T2.Tasks;
using T2.TestKit;

namespace T2.Evaluation.Tests;

public sealed class EvaluatorTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder _folder = new();
    private AdaptiveModel _model = null!;

    public async Task InitializeAsync()
    {
        string path = _folder.File("tiny.gguf");
        SyntheticModel.Write(path, SyntheticModelSpec.Tiny256.WithType("F16"));
        _model = await AdaptiveModel.LoadAsync(path, new ModelOptions { AdaptationThreads = 1 });
        _model.Experts.Add(NewExpert("sums", 1));
        _model.Experts.Add(NewExpert("words", 2));
    }

    public async Task DisposeAsync() => await _model.DisposeAsync();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_strategy_answers_every_item_and_is_compared_with_the_base()
    {
        var tasks = new[] { NewTask("sums", 9), NewTask("riddles", 7) };
        var strategies = new[]
        {
            EvaluationStrategy.Base,
            EvaluationStrategy.Fixed("expert:sums", _model.Experts.Get("sums")),
            EvaluationStrategy.Fixed("uniform", Expert.Mix([(_model.Experts.Get("sums"), 0.5f), (_model.Experts.Get("words"), 0.5f)], "uniform")),
            EvaluationStrategy.Dispatched("prompt", new ByLength(), _model.Experts),
        };
        var progress = new List<EvaluationProgress>();
        var report = await new Evaluator(_model, Options("all") with { Verifier = static _ => new EvenLength() }).RunAsync(tasks, strategies, new Immediate(progress.Add));

        Assert.Equal(8, report.Results.Count);
        Assert.All(report.Results, static result => Assert.Equal((result.Task == "sums" ? 9 : 7, 0), (result.Items, result.Failed)));
        Assert.All(report.Results, static result => Assert.Equal(result.Strategy == "base", result.Versus is null));
        Assert.Equal(64, progress[^1].AllDone);

        // A strategy's numbers are those of its own records.
        var lines = Lines("all");
        foreach (var result in report.Results)
            Assert.Equal(result.Correct, lines.Count(line => line.Contains($"\"task\":\"{result.Task}\",\"strategy\":\"{result.Strategy}\"", StringComparison.Ordinal) && line.Contains("\"correct\":true", StringComparison.Ordinal)));

        // And so are what they say about chance, and which side of a comparison is which.
        Assert.All(report.Results, static result => Assert.Equal(Statistics.WilsonInterval(result.Correct, result.Items), (result.Low, result.High)));
        foreach (var result in report.Results)
        {
            Assert.Equal(["even", "odd"], result.Categories.Select(static part => part.Category));
            Assert.Equal(result.Correct, result.Categories.Sum(static part => part.Correct));
            Assert.All(result.Categories, static part => Assert.Equal(Statistics.WilsonInterval(part.Correct, part.Items), (part.Low, part.High)));
        }
        foreach (var result in report.Results.Where(static result => result.Versus is not null))
        {
            var (mine, bases) = (RightOf(result.Task, result.Strategy), RightOf(result.Task, "base"));
            var versus = result.Versus!;
            Assert.Equal((mine.Except(bases).Count(), bases.Except(mine).Count()), (versus.OnlyThis, versus.OnlyBase));
            Assert.Equal((Statistics.McNemarExact(versus.OnlyBase, versus.OnlyThis), Statistics.McNemarMidP(versus.OnlyBase, versus.OnlyThis)), (versus.P, versus.MidP));
        }
        Assert.Contains(report.Results, static result => result.Versus is { } versus && versus.OnlyThis != versus.OnlyBase);

        string[] RightOf(string task, string strategy) =>
        [
            .. lines.Select(static line => JsonNode.Parse(line)!["item"]).OfType<JsonNode>()
                .Where(line => (string?)line["task"] == task && (string?)line["strategy"] == strategy && line["correct"] is { } correct && (bool)correct)
                .Select(static line => (string)line["id"]!),
        ];

        var dispatch = Assert.Single(report.Dispatch);
        Assert.Equal(["sums", "riddles"], dispatch.Rows);
        Assert.Equal(["sums", "words", "other"], dispatch.Columns);
        Assert.Equal([0, -1], dispatch.Expected);
        Assert.Equal((9, dispatch.Counts[0][0]), (dispatch.Decided, dispatch.Right));
        Assert.Equal(9, dispatch.Counts[0].Sum());
        Assert.True(dispatch.Counts[0].Count(static count => count > 0) > 1, "dispatch chose one expert for everything");
        Assert.Equal(0.5, Assert.Single(report.Mixtures).Weights["words"]);

        string page = File.ReadAllText(report.Save(Path.Combine(_folder.File("all"))));
        Assert.Equal(3, page.Split("<svg").Length - 1);
    }

    [Fact]
    public async Task A_dispatched_answer_is_the_chosen_experts_own()
    {
        var task = NewTask("sums", 8);
        string[] names = ["base", "expert:sums", "expert:words", "prompt"];
        var strategies = new[]
        {
            EvaluationStrategy.Base, EvaluationStrategy.Fixed(names[1], _model.Experts.Get("sums")), EvaluationStrategy.Fixed(names[2], _model.Experts.Get("words")),
            EvaluationStrategy.Dispatched(names[3], new ByLength(), _model.Experts),
        };
        await new Evaluator(_model, Options("own")).RunAsync([task], strategies);
        using var log = EvaluationLog.Open(_folder.File("own"));
        foreach (var (id, record) in log.Items("sums", "prompt"))
        {
            string direct = record.Expert == ExpertLibrary.Other ? "base" : $"expert:{record.Expert}";
            Assert.Equal(log.Items("sums", direct)[id].Answer, record.Answer);
        }
        Assert.NotEqual(log.Items("sums", "base").Values.Select(static record => record.Answer).Order(), log.Items("sums", "expert:sums").Values.Select(static record => record.Answer).Order());
    }

    [Fact]
    public async Task A_stopped_run_goes_on_where_it_was_and_ends_like_an_uninterrupted_one()
    {
        var task = NewTask("sums", 40);
        EvaluationStrategy[] strategies = [EvaluationStrategy.Base, EvaluationStrategy.Fixed("expert:sums", _model.Experts.Get("sums"))];
        var whole = await new Evaluator(_model, Options("whole") with { Verifier = static _ => new EvenLength() }).RunAsync([task], strategies);

        using var stop = new CancellationTokenSource();
        var options = Options("parts") with { Verifier = _ => new Counting(() => stop.Cancel(), 13) };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new Evaluator(_model, options).RunAsync([task], strategies, null, stop.Token));
        int before = Lines("parts").Count(static line => line.StartsWith("{\"item\"", StringComparison.Ordinal));
        Assert.InRange(before, 13, 79);
        // What a process killed while writing leaves behind.
        File.AppendAllText(Path.Combine(_folder.File("parts"), EvaluationLog.FileName), "{\"item\":{\"task\":\"su");

        var counting = new Counting(() => { }, int.MaxValue);
        var resumed = await new Evaluator(_model, Options("parts") with { Verifier = _ => counting }).RunAsync([task], strategies);
        Assert.Equal(80 - before, counting.Judged);
        Assert.Equal(whole.Results.Select(static result => (result.Items, result.Correct)), resumed.Results.Select(static result => (result.Items, result.Correct)));
        using var first = EvaluationLog.Open(_folder.File("whole"));
        using var second = EvaluationLog.Open(_folder.File("parts"));
        foreach (var item in task.Items)
            Assert.Equal(first.Items("sums", "expert:sums")[item.Id].Answer, second.Items("sums", "expert:sums")[item.Id].Answer);
    }

    [Fact]
    public async Task A_finished_run_is_not_answered_again_and_takes_new_strategies()
    {
        var task = NewTask("sums", 5);
        await new Evaluator(_model, Options("more")).RunAsync([task], [EvaluationStrategy.Base]);
        var counting = new Counting(() => { }, int.MaxValue);
        var options = Options("more") with { Verifier = _ => counting };
        await new Evaluator(_model, options).RunAsync([task], [EvaluationStrategy.Base]);
        Assert.Equal(0, counting.Judged);
        var report = await new Evaluator(_model, options).RunAsync([task], [EvaluationStrategy.Base, EvaluationStrategy.Fixed("x", _model.Experts.Get("words"))]);
        Assert.Equal(5, counting.Judged);
        Assert.NotNull(report.Results[1].Versus);
    }

    [Fact]
    public async Task Answers_of_other_weights_tasks_or_settings_are_not_mixed_with_new_ones()
    {
        var task = NewTask("sums", 3);
        var expert = EvaluationStrategy.Fixed("x", _model.Experts.Get("sums"));
        await new Evaluator(_model, Options("mixed")).RunAsync([task], [expert]);
        await Refused(task with { Items = [.. task.Items.Take(2), task.Items[2] with { Prompt = "another" }] }, expert, Options("mixed"));
        await Refused(task, EvaluationStrategy.Fixed("x", _model.Experts.Get("words")), Options("mixed"));
        await Refused(task, expert, Options("mixed") with { Sampling = new LlamaSamplingOptions() });
        Evaluator.Forget(_folder.File("mixed"));
        await new Evaluator(_model, Options("mixed")).RunAsync([task], [EvaluationStrategy.Fixed("x", _model.Experts.Get("words"))]);

        async Task Refused(TaskSet changed, EvaluationStrategy strategy, EvaluationOptions options) =>
            Assert.Contains("holds answers for another", (await Assert.ThrowsAsync<EvaluationException>(() => new Evaluator(_model, options).RunAsync([changed], [strategy]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_evaluations_at_once_do_not_share_a_folder()
    {
        var task = NewTask("sums", 3);
        EvaluationException? refused = null;
        var progress = new Immediate(_ => refused ??= Assert.Throws<EvaluationException>(
            () => new Evaluator(_model, Options("shared")).RunAsync([task], [EvaluationStrategy.Base]).GetAwaiter().GetResult()));
        var report = await new Evaluator(_model, Options("shared")).RunAsync([task], [EvaluationStrategy.Base], progress);
        Assert.Contains("answers.jsonl", refused!.Message, StringComparison.Ordinal);
        Assert.Contains("used by another process", refused.Message, StringComparison.Ordinal);
        Assert.Equal(3, report.Results[0].Items);
    }

    [Fact]
    public async Task A_failing_item_stops_no_run_and_counts_as_wrong()
    {
        var items = NewTask("sums", 6).Items;
        var task = new TaskSet("sums", null, "exact", 4, [.. items, new TaskItem("long", string.Join(' ', Enumerable.Repeat("word", 400)), "x"), new TaskItem("bad", "throw", "x")]);
        var report = await new Evaluator(_model, Options("fail") with { ContextLength = 64, Verifier = static _ => new Throwing() }).RunAsync([task], [EvaluationStrategy.Base]);
        Assert.Equal((8, 2, 6), (report.Results[0].Items, report.Results[0].Failed, report.Results[0].Correct));
        string log = string.Join('\n', Lines("fail"));
        Assert.Contains("the context holds 64", log, StringComparison.Ordinal);
        Assert.Contains("InvalidOperationException in verifier 'throwing': no", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_makes_no_sense_is_refused_before_anything_is_answered()
    {
        var task = NewTask("sums", 2);
        await Assert.ThrowsAsync<ArgumentException>(() => new Evaluator(_model, Options("no")).RunAsync([task, task], [EvaluationStrategy.Base]));
        await Assert.ThrowsAsync<ArgumentException>(() => new Evaluator(_model, Options("no")).RunAsync([task], [EvaluationStrategy.Base, EvaluationStrategy.Base]));
        await Assert.ThrowsAsync<ArgumentException>(() => new Evaluator(_model, Options("no")).RunAsync([task with { Verifier = "command:true" }], [EvaluationStrategy.Base]));
        Assert.False(Directory.Exists(_folder.File("no")));
        Directory.CreateDirectory(_folder.File("junk"));
        File.WriteAllText(Path.Combine(_folder.File("junk"), EvaluationLog.FileName), "hello\n");
        Assert.Contains("answers.jsonl:1:", (await Assert.ThrowsAsync<EvaluationException>(() => new Evaluator(_model, Options("junk")).RunAsync([task], [EvaluationStrategy.Base]))).Message, StringComparison.Ordinal);
    }

    private EvaluationOptions Options(string folder) => new() { Folder = _folder.File(folder), Sequences = 4, Threads = 1, ContextLength = 128, DispatchBatch = 5, Judges = 2 };

    private string[] Lines(string folder) => File.ReadAllLines(Path.Combine(_folder.File(folder), EvaluationLog.FileName));

    private static TaskSet NewTask(string name, int items) => new(
        name, null, "exact", 6, [.. Enumerable.Range(0, items).Select(index => new TaskItem($"{index}", $"What is {index} and {new string('a', index % 5)}?", "x") { Category = index % 2 == 0 ? "even" : "odd" })]);

    private Expert NewExpert(string name, int seed)
    {
        var random = new Random(seed);
        var vectors = BlockWeights.List(_model.File).ToDictionary(
            static tensor => tensor.Name,
            tensor => (ReadOnlyMemory<float>)Enumerable.Range(0, BlockWeights.ShapeOf(tensor).Rank).Select(_ => 0.5f + random.NextSingle()).ToArray());
        return new Expert(name, _model.File.Architecture!, _model.Fingerprint, vectors, $"questions about {name}");
    }

    /// <summary>Chooses by the length of the question, without a model.</summary>
    private sealed class ByLength : IDispatchStrategy
    {
        public string Name => "length";

        public DispatchDecision Decide(IDispatchReader reader, string question, IReadOnlyList<ExpertLabel> labels, CancellationToken cancellation) =>
            new(question.Length % 3 == 2 ? null : labels[question.Length % 3].Name, 1, [], 0, "");
    }

    private sealed class EvenLength : IVerifier
    {
        public string Name => "even";

        public ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default) => new(new Verdict(answer.Length % 2 == 0, answer, null));
    }

    private sealed class Throwing : IVerifier
    {
        public string Name => "throwing";

        public ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default) =>
            item.Prompt == "throw" ? throw new InvalidOperationException("no") : new(new Verdict(true, null, null));
    }

    private sealed class Counting(Action reached, int limit) : IVerifier
    {
        private int _judged;

        public string Name => "counting";

        public int Judged => _judged;

        public ValueTask<Verdict> VerifyAsync(TaskItem item, string answer, CancellationToken cancellation = default)
        {
            if (Interlocked.Increment(ref _judged) == limit)
                reached();
            return new(new Verdict(answer.Length % 2 == 0, null, null));
        }
    }

    private sealed class Immediate(Action<EvaluationProgress> report) : IProgress<EvaluationProgress>
    {
        public void Report(EvaluationProgress value) => report(value);
    }
}
