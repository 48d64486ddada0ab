using T2.TestKit;

namespace T2.Training.Tests;

/// <summary>Whole runs on a small model with random weights and a verifier that rewards capital letters.</summary>
public sealed class AdapterTrainingTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public AdapterTrainingTests() => SyntheticModel.Write(Model, CapitalTask.Model);

    private string Model => _folder.File("model.gguf");

    [Theory]
    [InlineData(AdapterKind.Svf, SvfParametrisation.Direct)]
    [InlineData(AdapterKind.Svf, SvfParametrisation.Sigmoid)]
    [InlineData(AdapterKind.Lora, SvfParametrisation.Direct)]
    public async Task Rewarded_answers_become_likelier(AdapterKind kind, SvfParametrisation parametrisation)
    {
        var request = Request("rising", new TrainingOptions { Kind = kind, Parametrisation = parametrisation, Steps = 25, LearningRate = kind == AdapterKind.Svf ? 0.05 : 0.01 });
        await AdapterTraining.RunAsync(request);
        var rewards = Log(request).Where(static record => record.Reward is not null).Select(static record => record.Reward!.Value).ToArray();
        Assert.Equal(25, rewards.Length);
        Assert.True(rewards[^5..].Average() > rewards[..5].Average() + 0.2, string.Join(' ', rewards));
    }

    [Theory]
    [InlineData(AdapterKind.Svf, TrainingObjective.Policy, false)]
    [InlineData(AdapterKind.Svf, TrainingObjective.Policy, true)]
    [InlineData(AdapterKind.Lora, TrainingObjective.Policy, false)]
    [InlineData(AdapterKind.Svf, TrainingObjective.NextToken, true)]
    public async Task A_run_that_was_stopped_and_resumed_ends_with_the_same_bytes(AdapterKind kind, TrainingObjective objective, bool anchored)
    {
        var options = new TrainingOptions { Kind = kind, Objective = objective, Steps = 9, Seed = 5, AnchorBatch = 3 };
        var whole = Request("same", options) with { Anchor = anchored ? CapitalTask.Others : null };
        await AdapterTraining.RunAsync(whole);
        var stopped = Request("stopped", options) with { Name = "same", Anchor = whole.Anchor };
        // Stopped in the middle of a step, in a validation, and right after a checkpoint.
        foreach (var (step, phase) in new[] { (2, "sampling"), (2, "learning"), (3, "validating"), (4, "stepped") })
            await StopAsync(stopped with { Resume = File.Exists(stopped.CheckpointPath) }, step, phase);
        Assert.True(File.Exists(stopped.CheckpointPath));
        await AdapterTraining.RunAsync(stopped with { Resume = true });

        Assert.Equal(File.ReadAllBytes(whole.OutputPath), File.ReadAllBytes(stopped.OutputPath));
        Assert.Equal(Log(whole).Select(Timeless), Log(stopped).Select(Timeless));
        Assert.False(File.Exists(stopped.CheckpointPath));
        Assert.Equal(File.ReadAllText(whole.CurvePath), File.ReadAllText(stopped.CurvePath).Replace("stopped:", "same:", StringComparison.Ordinal));

        var other = Request("other", options with { Seed = 6 }) with { Name = "same", Anchor = whole.Anchor };
        await AdapterTraining.RunAsync(other);
        Assert.NotEqual(File.ReadAllBytes(whole.OutputPath), File.ReadAllBytes(other.OutputPath));
    }

    [Theory]
    [InlineData(AdapterKind.Svf)]
    [InlineData(AdapterKind.Lora)]
    public async Task What_is_anchored_stays_as_it_is(AdapterKind kind)
    {
        // So small a weight measures without holding anything.
        var loose = await AnchorKlAsync(kind, 1e-6);
        var held = await AnchorKlAsync(kind, 1000);
        Assert.Equal(15, held.Length);
        Assert.Equal(0, held[0], 1e-6);
        Assert.True(loose[^1] > 0.02, string.Join(' ', loose));
        Assert.True(held[^5..].Max() < loose[^1] / 8, $"{string.Join(' ', held)} against {loose[^1]}");
    }

    [Fact]
    public async Task An_anchor_without_questions_of_its_own_is_refused()
    {
        var request = Request("self", new TrainingOptions());
        var failure = await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(request with { Anchor = request.Task.Training }));
        Assert.Contains("Every question of the anchor 'capitals' is one of task 'capitals'", failure.Message, StringComparison.Ordinal);
        failure = await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(request with { Anchor = CapitalTask.Others with { Items = [] } }));
        Assert.Contains("The anchor 'others' has no questions", failure.Message, StringComparison.Ordinal);
        var endless = CapitalTask.Others with { Items = [new("endless", "x", new string('b', 500))] };
        failure = await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(request with { Anchor = endless }));
        Assert.Matches("'endless' of the anchor 'others' takes \\d+ tokens with its answer, the model's context is 128", failure.Message);
    }

    [Fact]
    public async Task The_file_says_how_it_came_about()
    {
        var request = Request("facts", new TrainingOptions { Steps = 3 });
        var result = await AdapterTraining.RunAsync(request);
        var expert = Gguf.Experts.Expert.Load(request.OutputPath);
        Assert.Equal(("facts", "rewards capital letters", "capitals"), (expert.Name, expert.Description, expert.Task));
        Assert.Equal("policy gradient", expert.Extra["t2.training.objective"]);
        Assert.Equal("3", expert.Extra["t2.training.steps"]);
        Assert.Equal($"{result.CorrectBefore}", expert.Extra["t2.training.validation_before"]);
        Assert.Equal($"{result.CorrectAfter}", expert.Extra["t2.training.validation_after"]);
        Assert.Equal(expert.BaseFingerprint, expert.Extra["t2.training.base_fingerprint"]);
    }

    [Fact]
    public async Task A_step_that_leaves_the_numbers_is_not_done()
    {
        var request = Request("wild", new TrainingOptions { Steps = 9, LearningRate = 1e30 });
        var failure = await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(request));
        Assert.Contains("Step 1 would take value 0 of blk.0.ffn_gate.weight to", failure.Message, StringComparison.Ordinal);
        Assert.Contains("no step was finished", failure.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(request.OutputPath));
    }

    [Fact]
    public async Task Answers_that_are_never_rewarded_end_the_run_with_an_example()
    {
        var request = Request("hopeless", new TrainingOptions { Steps = 50, HopelessAfter = 3 }) with { Verifier = new FixedVerifier(() => default) };
        var failure = await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(request));
        Assert.Contains("No answer was rewarded in 3 steps", failure.Message, StringComparison.Ordinal);
        Assert.Contains("wants 'a' for question", failure.Message, StringComparison.Ordinal);
        Assert.Contains("step 2 is kept in", failure.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(request.CheckpointPath));

        // Taken up again, it has no more patience than it had left; nor has one that was stopped in a step.
        failure = await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(request with { Resume = true }));
        Assert.Contains("step 2 is kept in", failure.Message, StringComparison.Ordinal);
        var stopped = Request("hopeless-stopped", request.Options) with { Verifier = request.Verifier };
        await StopAsync(stopped, 1, "sampling");
        failure = await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(stopped with { Resume = true }));
        Assert.Contains("step 2 is kept in", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_verifier_that_throws_is_named_with_its_question()
    {
        var request = Request("thrown", new TrainingOptions()) with { Verifier = new FixedVerifier(static () => throw new InvalidOperationException("no disk")) };
        var failure = await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(request));
        Assert.Matches("Verifier 'fixed' failed on question '\\d+': no disk", failure.Message);
    }

    [SkippableFact]
    public async Task A_program_that_judges_nothing_ends_the_run_at_once()
    {
        Skip.If(OperatingSystem.IsWindows(), "A shell of Unix.");
        var request = Request("broken", new TrainingOptions());
        request = request with { Verifier = null, Task = request.Task with { Training = request.Task.Training with { Verifier = "command:/there/is/no/such/program" } } };
        var failure = await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(request));
        Assert.Contains("judged none of", failure.Message, StringComparison.Ordinal);
        Assert.Contains("exit code 127", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unfinished_run_is_neither_overwritten_nor_taken_for_another()
    {
        var request = Request("unfinished", new TrainingOptions { Steps = 9 });
        Assert.Contains("no checkpoint", (await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(request with { Resume = true }))).Message, StringComparison.Ordinal);
        await StopAsync(request, 1, "stepped");
        Assert.Contains("left of an unfinished run", (await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(request))).Message, StringComparison.Ordinal);
        var other = request with { Resume = true, Options = request.Options with { Kl = 0.5 } };
        Assert.Contains("kl was 0.01, is 0.5", (await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(other))).Message, StringComparison.Ordinal);
        var formatted = request with { Resume = true, Format = Runtime.ChatFormat.Named("chatml") };
        Assert.Contains("other settings (chat template)", (await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(formatted))).Message, StringComparison.Ordinal);
        var judged = request with { Resume = true, Verifier = new FixedVerifier(() => default) };
        Assert.Contains("other settings (verifier)", (await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(judged))).Message, StringComparison.Ordinal);
        var anchored = request with { Resume = true, Anchor = CapitalTask.Others };
        Assert.Contains("other settings (anchor)", (await Assert.ThrowsAsync<TrainingException>(() => AdapterTraining.RunAsync(anchored))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Runs until the given phase after the given number of steps, cancels there, and expects a checkpoint.</summary>
    private static async Task StopAsync(TrainingRequest request, int step, string phase)
    {
        using var stop = new CancellationTokenSource();
        var progress = new Watch(value =>
        {
            if (value.Step == step && value.Phase == phase)
                stop.Cancel();
        });
        if (phase is "sampling" or "learning" && request.Options.Objective == TrainingObjective.Policy != (phase == "sampling"))
            return;
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AdapterTraining.RunAsync(request, progress, null, stop.Token));
        Assert.Contains($"step {step} is kept in", cancelled.Message, StringComparison.Ordinal);
    }

    private async Task<double[]> AnchorKlAsync(AdapterKind kind, double weight)
    {
        var options = new TrainingOptions { Kind = kind, Steps = 15, LearningRate = kind == AdapterKind.Svf ? 0.05 : 0.01, AnchorWeight = weight, AnchorBatch = 8 };
        var request = Request(FormattableString.Invariant($"anchored-{weight}"), options) with { Anchor = CapitalTask.Others };
        await AdapterTraining.RunAsync(request);
        return [.. Log(request).Where(static record => record.AnchorKl is not null).Select(static record => record.AnchorKl!.Value)];
    }

    private static StepRecord Timeless(StepRecord record) => record with { SamplingSeconds = null, GradientSeconds = null };

    private static IEnumerable<StepRecord> Log(TrainingRequest request) =>
        File.ReadLines(request.LogPath).Select(static line => System.Text.Json.JsonSerializer.Deserialize(line, StepRecordJson.Default.StepRecord)!);

    private TrainingRequest Request(string name, TrainingOptions options) => new()
    {
        ModelPath = Model,
        OutputPath = _folder.File(name + ".gguf"),
        Task = CapitalTask.Split,
        Verifier = new CapitalVerifier(),
        Threads = 1,
        Options = options with { Batch = 8, Samples = 8, Kl = 0.01, ValidateEvery = 3, CheckpointEvery = 4 },
    };
}
