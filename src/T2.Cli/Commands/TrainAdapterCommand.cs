using System.CommandLine;
using T2.Training;

namespace T2.Cli;

/// <summary><c>t2 train svf</c> and <c>t2 train lora</c>.</summary>
internal static class TrainAdapterCommand
{
    private const string Notes = """
        Each question is answered several times by the model itself; right answers become likelier, wrong ones less so, and KL holds the rest in place.
        Beside the output: a log (.training.jsonl), a curve (.training.svg), and until the run is finished a checkpoint. Ctrl-C keeps it; --resume goes on.
        The validation score picks the best step, so it flatters: measure on a third set with 't2 eval'.
        """;

    private static readonly Option[] ByGradient =
    [
        TrainingFlags.Layers, TrainingFlags.Batch, TrainingFlags.Samples, TrainingFlags.Kl, TrainingFlags.Anchor, TrainingFlags.AnchorWeight, TrainingFlags.AnchorBatch, TrainingFlags.Baseline, TrainingFlags.Temperature, TrainingFlags.Clip,
        TrainingFlags.WeightDecay, TrainingFlags.ValidateEvery, TrainingFlags.Patience, TrainingFlags.CheckpointEvery,
    ];

    internal static Command CreateSvf(Shell shell)
    {
        var weights = TrainingFlags.Weights("mlp");
        var parametrisation = TrainingFlags.OneOf("--parametrisation", "Which numbers stand for z: z itself, or the reference's sigmoid with the nuclear norm kept.", "direct", "sigmoid");
        var rate = TrainingFlags.LearningRate(0.01f);
        var steps = TrainingFlags.Steps(100);
        var command = new DocumentedCommand("svf", "Train an SVF expert: one number per singular value of each weight.")
        {
            Notes = Notes,
            Examples =
            [
                ("From your own questions:", "t2 train svf -m model.gguf --task questions.jsonl -o math.gguf"),
                ("Judged by your own program:", "t2 train svf -m model.gguf --task questions.jsonl --verifier 'command:./check.sh' -o mine.gguf"),
                ("By likelihood of the given answers:", "t2 train svf -m model.gguf --task questions.jsonl --objective next-token -o math-nt.gguf"),
                ("Other skills held as they are:", "t2 train svf -m model.gguf --task questions.jsonl --anchor others.jsonl -o math.gguf"),
                ("After Ctrl-C:", "t2 train svf -m model.gguf --task questions.jsonl -o math.gguf --resume"),
            ],
        };
        TrainingFlags.AddTo(command, [TrainingFlags.Objective, steps, rate, weights, parametrisation, .. ByGradient]);
        command.SetAction((parsed, cancellation) => RunAsync(
            shell,
            parsed,
            Common(parsed) with
            {
                Kind = AdapterKind.Svf,
                Steps = parsed.GetValue(steps),
                LearningRate = TrainingFlags.Plain(parsed.GetValue(rate)),
                Weights = new WeightSelection(parsed.GetRequiredValue(weights), parsed.GetValue(TrainingFlags.Layers)),
                Parametrisation = parsed.GetValue(parametrisation) == "sigmoid" ? SvfParametrisation.Sigmoid : SvfParametrisation.Direct,
            },
            cancellation));
        return command;
    }

    internal static Command CreateLora(Shell shell)
    {
        var weights = TrainingFlags.Weights("qv");
        var rank = Numbers.Whole("--rank", ["-r"], "Rank of the change.", 1, 4096, 16);
        var alpha = Numbers.Real("--alpha", "The change is scaled by alpha/rank.", 0.001f, 1e6f, 32);
        var rate = TrainingFlags.LearningRate(0.001f);
        var steps = TrainingFlags.Steps(100);
        var command = new DocumentedCommand("lora", "Train a LoRA adapter, the baseline, on the same tasks by the same objectives. Stock llama.cpp loads it.")
        {
            Notes = Notes,
            Examples =
            [
                ("The baseline of an expert:", "t2 train lora -m model.gguf --task questions.jsonl -o math-lora.gguf"),
                ("As LoRA is usually trained:", "t2 train lora -m model.gguf --task questions.jsonl --objective next-token -o math-lora.gguf"),
            ],
        };
        TrainingFlags.AddTo(command, [TrainingFlags.Objective, steps, rate, weights, rank, alpha, .. ByGradient]);
        command.SetAction((parsed, cancellation) => RunAsync(
            shell,
            parsed,
            Common(parsed) with
            {
                Kind = AdapterKind.Lora,
                Steps = parsed.GetValue(steps),
                LearningRate = TrainingFlags.Plain(parsed.GetValue(rate)),
                Weights = new WeightSelection(parsed.GetRequiredValue(weights), parsed.GetValue(TrainingFlags.Layers)),
                Rank = parsed.GetValue(rank),
                Alpha = parsed.GetValue(alpha),
            },
            cancellation));
        return command;
    }

    /// <summary>What `svf` and `lora` have in common, as the command line gives it.</summary>
    internal static TrainingOptions Common(ParseResult parsed) => new()
    {
        Objective = parsed.GetValue(TrainingFlags.Objective) == "next-token" ? TrainingObjective.NextToken : TrainingObjective.Policy,
        Batch = parsed.GetValue(TrainingFlags.Batch),
        Samples = parsed.GetValue(TrainingFlags.Samples),
        Kl = TrainingFlags.Plain(parsed.GetValue(TrainingFlags.Kl)),
        AnchorWeight = TrainingFlags.Plain(parsed.GetValue(TrainingFlags.AnchorWeight)),
        AnchorBatch = parsed.GetValue(TrainingFlags.AnchorBatch),
        WeightDecay = TrainingFlags.Plain(parsed.GetValue(TrainingFlags.WeightDecay)),
        ClipNorm = TrainingFlags.Plain(parsed.GetValue(TrainingFlags.Clip)),
        Temperature = parsed.GetValue(TrainingFlags.Temperature),
        Baseline = parsed.GetValue(TrainingFlags.Baseline) switch
        {
            "mean" => RewardBaseline.Mean,
            "none" => RewardBaseline.None,
            _ => RewardBaseline.LeaveOneOut,
        },
        ValidateEvery = parsed.GetValue(TrainingFlags.ValidateEvery),
        Patience = parsed.GetValue(TrainingFlags.Patience),
        CheckpointEvery = parsed.GetValue(TrainingFlags.CheckpointEvery),
        Seed = TrainingFlags.SeedOf(parsed),
    };

    private static Task<int> RunAsync(Shell shell, ParseResult parsed, TrainingOptions options, CancellationToken cancellation)
    {
        TrainingFlags.Check(options.Validate);
        var task = TrainingFlags.ReadTask(shell.Terminal, parsed);
        var request = TrainingFlags.Fill(
            new TrainingRequest
            {
                ModelPath = parsed.GetRequiredValue(SharedOptions.Model),
                OutputPath = parsed.GetRequiredValue(TrainingFlags.Out),
                Task = task,
                Anchor = TrainingFlags.ReadAnchor(shell.Terminal, parsed, task),
                Options = options,
            },
            parsed);
        return TrainingConsole.RunAsync(shell, parsed, request, (progress, factoring, stop) => AdapterTraining.RunAsync(request, progress, factoring, stop), cancellation);
    }
}
