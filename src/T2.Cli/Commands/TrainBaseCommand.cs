using System.CommandLine;
using T2.Gguf;
using T2.Training;

namespace T2.Cli;

/// <summary><c>t2 train base</c>.</summary>
internal static class TrainBaseCommand
{
    private static readonly Option<string[]> CorpusFiles = new("--corpus")
    {
        Description = "Text files (documents apart by blank lines), .jsonl files ({\"text\":…} or {\"prompt\":…,\"answer\":…} a line), or folders of them. Repeatable.",
        HelpName = "FILE|FOLDER",
        Required = true,
    };

    private static readonly Option<string> Template = new("--template")
    {
        Description = "A GGUF file whose tokenizer and chat template the new model takes over; its weights do not matter.",
        HelpName = "FILE",
        Required = true,
    };

    private static readonly Option<string> Shape = new("--shape")
    {
        Description = "Dimensions. Multiples of 256 let every K-quant apply.",
        HelpName = "NAME=N,...",
        DefaultValueFactory = static _ => ShapeFlag.Example,
    };

    private static readonly Option<string> Type = TrainingFlags.OneOf("--type", "Type of the matrices in the file.", "f16", "f32", "bf16", "q8_0");

    private static readonly Option<int> Steps = TrainingFlags.Steps(2000);

    private static readonly Option<int> BatchTokens = Numbers.Whole("--batch-tokens", [], "Tokens a step.", 2, int.MaxValue, 4096);

    private static readonly Option<int> Warmup = Numbers.Whole("--warmup", [], "Steps until the learning rate is reached.", 0, int.MaxValue, 100);

    private static readonly Option<float> Rate = TrainingFlags.LearningRate(0.002f);

    private static readonly Option<float> HoldOut = Numbers.Real("--hold-out", "Part of the documents to measure the loss on.", 0, 0.9f, 0.01f);

    private static readonly Option<bool> AnswersOnly = new("--answers-only") { Description = "Learn the answers of prompts only, not the questions." };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("base", "Train a small model from scratch on text of your own, on the CPU.")
        {
            Notes = """
                A model of a few million weights learns in minutes to hours. Ctrl-C keeps a checkpoint; --resume goes on to the same weights, bit for bit.
                """,
            Examples =
            [
                ("From a folder of text:", "t2 train base --corpus texts/ --template tokenizer.gguf -o small.gguf"),
                ("From questions and answers, larger:", $"t2 train base --corpus qa.jsonl --answers-only --template tokenizer.gguf --shape {ShapeFlag.Example} --steps 10000 -o qa.gguf"),
            ],
        };
        foreach (var option in new Option[]
        {
            CorpusFiles, Template, TrainingFlags.Out, Shape, Type, Steps, BatchTokens, Rate, Warmup, TrainingFlags.Clip, HoldOut, AnswersOnly, TrainingFlags.Seed, TrainingFlags.Resume,
            SharedOptions.Threads, SharedOptions.Json, SharedOptions.Quiet,
        })
            command.Options.Add(option);
        command.SetAction((parsed, cancellation) => RunAsync(shell, parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var request = Bind(parsed);
        string[] inputs = [request.TemplatePath, .. request.CorpusPaths];
        OutputFile.MustDiffer(request.OutputPath, inputs);
        OutputFile.CompanionsMustDiffer(request.OutputPath, [request.LogPath, request.CheckpointPath], inputs);
        var result = await TrainAsync(shell, request, cancellation).ConfigureAwait(false);
        var report = new BaseReport(
            result.OutputPath, result.Parameters, result.Documents, result.Last.Step, result.Last.Tokens, result.Last.Loss, result.Last.ValidationLoss,
            Math.Round(result.Last.Elapsed.TotalSeconds, 3), request.LogPath);
        Results.Show(shell.Terminal, report, parsed.GetValue(SharedOptions.Json), JsonReports.Default.BaseReport, BaseReport.Print);
        return 0;
    }

    private static async Task<BaseResult> TrainAsync(Shell shell, BaseRequest request, CancellationToken cancellation)
    {
        using var display = new BaseDisplay(shell.Terminal);
        try
        {
            return await Task.Run(() => BaseTraining.Run(request, display, cancellation), CancellationToken.None).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled) when (File.Exists(request.CheckpointPath))
        {
            throw new StoppedException($"cancelled; the last step is kept in {request.CheckpointPath}, --resume goes on from it", cancelled);
        }
    }

    private static BaseRequest Bind(ParseResult parsed)
    {
        float clip = parsed.GetValue(TrainingFlags.Clip);
        return new BaseRequest
        {
            TemplatePath = parsed.GetRequiredValue(Template),
            CorpusPaths = parsed.GetRequiredValue(CorpusFiles),
            OutputPath = parsed.GetRequiredValue(TrainingFlags.Out),
            Shape = ShapeFlag.Parse(parsed.GetRequiredValue(Shape)),
            Type = parsed.GetValue(Type) switch
            {
                "f32" => TensorType.F32,
                "bf16" => TensorType.BF16,
                "q8_0" => TensorType.Q8_0,
                _ => TensorType.F16,
            },
            HoldOut = TrainingFlags.Plain(parsed.GetValue(HoldOut)),
            AnswersOnly = parsed.GetValue(AnswersOnly),
            Seed = TrainingFlags.SeedOf(parsed),
            Resume = parsed.GetValue(TrainingFlags.Resume),
            Options = new BaseTrainingOptions
            {
                Steps = parsed.GetValue(Steps),
                BatchTokens = parsed.GetValue(BatchTokens),
                LearningRate = TrainingFlags.Plain(parsed.GetValue(Rate)),
                WarmupSteps = parsed.GetValue(Warmup),
                ClipNorm = clip > 0 ? TrainingFlags.Plain(clip) : null,
                Threads = SharedOptions.ResolveThreads(parsed.GetValue(SharedOptions.Threads)),
            },
        };
    }
}
