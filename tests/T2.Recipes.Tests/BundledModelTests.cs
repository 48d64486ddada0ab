using T2.Gguf.Experts;
using T2.Runtime;
using T2.Tasks;
using T2.TestKit;

namespace T2.Recipes.Tests;

/// <summary>The files that are shipped still do what they are shipped for, on a fixed sample of the test sets.</summary>
public sealed class BundledModelTests : IAsyncLifetime, IDisposable
{
    private const long MostBytes = 12 << 20;

    private static readonly string s_folder = Path.Combine(RepositoryRoot.Path, "models", "bundled");

    private readonly TempFolder _temporary = new();
    private AdaptiveModel _model = null!;
    private BatchGenerator _generator = null!;

    public async Task InitializeAsync()
    {
        var options = new ModelOptions { AdaptationThreads = 1, FactorPath = Path.Combine(_temporary.Path, "mini.t2factors") };
        _model = await AdaptiveModel.LoadAsync(Path.Combine(s_folder, "t2-mini.gguf"), options);
        _generator = new BatchGenerator(_model, new BatchOptions { Threads = 1, ContextLength = 192 });
    }

    public async Task DisposeAsync()
    {
        await _generator.DisposeAsync();
        await _model.DisposeAsync();
    }

    public void Dispose() => _temporary.Dispose();

    /// <summary>The skills whose experts are said to gain: the recipe shows a question of each, and of no other.</summary>
    public static TheoryData<string> Claimed => [.. TaskSet.Load(Path.Combine(s_folder, "demonstration.jsonl")).Items.Select(static item => item.Id)];

    [Theory]
    [MemberData(nameof(Claimed))]
    public async Task An_expert_beats_the_base_on_its_skill(string skill)
    {
        var task = TaskSet.Load(Path.Combine(s_folder, "tasks", skill + ".jsonl"));
        bool[] before = await AnswerAsync(task, null);
        bool[] after = await AnswerAsync(task, Expert.Load(Path.Combine(s_folder, "experts", skill + ".gguf")));
        int gained = after.Zip(before).Count(static pair => pair.First && !pair.Second);
        int lost = after.Zip(before).Count(static pair => !pair.First && pair.Second);
        Assert.True(gained > lost && Statistics.McNemarExact(gained, lost) < 0.05, $"{skill}: {gained} gained, {lost} lost of {before.Length}.");
    }

    [Fact]
    public async Task Dispatch_finds_the_skill_of_nearly_every_question()
    {
        var task = TaskSet.Load(Path.Combine(s_folder, "tasks", "dispatch.jsonl"));
        Assert.True((await AnswerAsync(task, null)).Count(static right => right) >= 0.85 * task.Items.Count);
    }

    [Fact]
    public void Everything_shipped_is_small()
    {
        long bytes = new DirectoryInfo(s_folder).EnumerateFiles("*", SearchOption.AllDirectories).Where(static file => !file.Name.Contains(".t2factors", StringComparison.Ordinal)).Sum(static file => file.Length);
        Assert.InRange(bytes, 1, MostBytes);
    }

    private async Task<bool[]> AnswerAsync(TaskSet task, Expert? expert)
    {
        var verifier = Verifier.Create(task.Verifier);
        var right = new bool[task.Items.Count];
        var requests = task.Items.Select(item => new BatchRequest(item.Prompt) { System = item.System, MaxTokens = task.MaxTokens });
        await foreach (var answer in _generator.GenerateAsync(requests, expert))
            right[answer.Index] = (await verifier.VerifyAsync(task.Items[answer.Index], answer.Text)).Correct;
        return right;
    }
}
