using System.Text.Json.Nodes;
using T2.Gguf.Experts;
using T2.Tasks;
using T2.TestKit;

namespace T2.Training.Tests;

public sealed class ForwardTrainingTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Fact]
    public async Task An_architecture_without_gradients_learns_too()
    {
        // phi3: fused matrices, which the engine does not differentiate.
        var request = Request("phi3", SyntheticModelSpec.TinyFusedQkv.WithType("q8_0"), new SearchOptions { Generations = 6 });
        var result = await ForwardTraining.RunAsync(request);
        Assert.True(result.CorrectAfter > result.CorrectBefore, $"{result.CorrectBefore} before, {result.CorrectAfter} after");
        var expert = Expert.Load(request.OutputPath);
        Assert.Equal("phi3", expert.Architecture);
        Assert.Equal("cross-entropy method", expert.Extra["t2.training.objective"]);
        // Bands: few different values in each vector.
        Assert.All(expert.Vectors.Values, static z => Assert.Equal(4, z.ToArray().Distinct().Count()));
    }

    [Fact]
    public async Task A_search_that_was_stopped_and_resumed_ends_with_the_same_bytes()
    {
        var options = new SearchOptions { Generations = 4, ValidateEvery = 2 };
        var whole = Request("same", SyntheticModelSpec.Tiny256, options);
        await ForwardTraining.RunAsync(whole);
        var stopped = Request("stopped", SyntheticModelSpec.Tiny256, options) with { Name = "same" };
        using (var stop = new CancellationTokenSource())
        {
            var progress = new Watch(value =>
            {
                if (value is { Step: 3, Phase: "searching" })
                    stop.Cancel();
            });
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ForwardTraining.RunAsync(stopped, progress, null, stop.Token));
        }
        await ForwardTraining.RunAsync(stopped with { Resume = true });
        Assert.Equal(File.ReadAllBytes(whole.OutputPath), File.ReadAllBytes(stopped.OutputPath));
    }

    [Fact]
    public async Task Candidates_that_are_never_right_end_the_run()
    {
        var request = Request("hopeless", SyntheticModelSpec.Tiny256, new SearchOptions { HopelessAfter = 2 }) with { Verifier = new FixedVerifier(static () => default) };
        var failure = await Assert.ThrowsAsync<TrainingException>(() => ForwardTraining.RunAsync(request));
        Assert.Contains("No candidate of 2 generations got an answer right", failure.Message, StringComparison.Ordinal);
        // Taken up again, it has no more patience than it had left.
        failure = await Assert.ThrowsAsync<TrainingException>(() => ForwardTraining.RunAsync(request with { Resume = true }));
        Assert.Contains("step 1 is kept in", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_every_answer_is_right_the_base_is_the_best_candidate()
    {
        // Candidates then differ by what the penalty takes alone, and the one that changes nothing has the loss of a full reward; a change must not earn more.
        var request = Request("penalty", SyntheticModelSpec.Tiny256, new SearchOptions { Generations = 2 }) with { Verifier = new FixedVerifier(static () => new Verdict(true, "", null)) };
        await ForwardTraining.RunAsync(request);
        double[] losses = [.. File.ReadLines(request.LogPath).Select(static line => JsonNode.Parse(line)!["loss"]).OfType<JsonNode>().Select(static loss => (double)loss)];
        Assert.Equal(2, losses.Length);
        Assert.All(losses, static loss => Assert.Equal(-1, loss));
    }

    public void Dispose() => _folder.Dispose();

    private SearchRequest Request(string name, SyntheticModelSpec spec, SearchOptions options)
    {
        string model = _folder.File(spec.Name + ".gguf");
        if (!File.Exists(model))
            SyntheticModel.Write(model, spec);
        return new SearchRequest
        {
            ModelPath = model,
            OutputPath = _folder.File(name + ".gguf"),
            Task = CapitalTask.Split,
            Verifier = new CapitalVerifier(),
            Threads = 1,
            Options = options with { Batch = 8, Population = 12, Elites = 4, Bands = 4, Deviation = 0.3, Grouping = SpectrumGrouping.Kind, Penalty = 0.1 },
        };
    }
}
