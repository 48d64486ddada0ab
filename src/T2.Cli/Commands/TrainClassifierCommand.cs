using System.CommandLine;
using T2.Gguf.Experts;
using T2.Runtime;
using T2.Tasks;
using T2.Training;

namespace T2.Cli;

/// <summary><c>t2 train classifier</c>.</summary>
internal static class TrainClassifierCommand
{
    private static readonly Option<string[]> Prompts = new("--prompts")
    {
        Description = "Prompts with the expert they need, or 'other': lines of {\"prompt\":…,\"label\":…}, or a task file whose questions all need EXPERT. Repeatable.",
        HelpName = "FILE|EXPERT=FILE",
        Required = true,
    };

    private static readonly Option<string[]> Experts = new("--experts", "-e")
    {
        Description = "The experts that dispatch will choose from: their names and descriptions are part of the question. Repeatable.",
        HelpName = "FILE|FOLDER",
        Required = true,
    };

    private static readonly Option<float> ValidationPart = Numbers.Real("--validation-part", "Part of each label's prompts that chooses the best step.", 0.001f, 0.8f, 0.1f);

    private static readonly Option<float> TestPart = Numbers.Real("--test-part", "Part of each label's prompts for the test.", 0.001f, 0.8f, 0.1f);

    private static readonly Option<string?> TasksFolder = new("--tasks-out") { Description = "Keep train.jsonl, valid.jsonl and test.jsonl in this folder.", HelpName = "FOLDER" };

    private static readonly Option<string> Weights = TrainingFlags.Weights("mlp");

    private static readonly Option<float> Rate = TrainingFlags.LearningRate(0.01f);

    private static readonly Option<int> Steps = TrainingFlags.Steps(80);

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("classifier", "Train the expert of pass 1, which tells what expert a prompt needs, and test it on prompts it never saw.")
        {
            Notes = """
                Every label, 'other' included, is divided into three parts: to train on, to choose the best step by, to test on. The file is marked as a classifier:
                it may lie among the experts and is used by --dispatch cls.
                """,
            Examples =
            [
                ("From labelled prompts:", "t2 train classifier -m model.gguf --experts experts/ --prompts labelled.jsonl -o experts/dispatch.gguf"),
                ("From the tasks of two experts, and others:", "t2 train classifier -m model.gguf --experts experts/ --prompts math=math.jsonl --prompts code=code.jsonl --prompts other=chat.jsonl -o dispatch.gguf"),
            ],
        };
        foreach (var option in new Option[]
        {
            SharedOptions.Model, Experts, Prompts, TrainingFlags.Out, TrainingFlags.Name, SharedOptions.Describe, ValidationPart, TestPart, TasksFolder, Steps, Rate, Weights,
            TrainingFlags.Layers, TrainingFlags.Batch, TrainingFlags.Kl, TrainingFlags.Clip, TrainingFlags.WeightDecay, TrainingFlags.ValidationItems, TrainingFlags.ValidateEvery,
            TrainingFlags.Patience, TrainingFlags.CheckpointEvery, TrainingFlags.Resume, TrainingFlags.Seed, SharedOptions.Threads, TrainingFlags.Sequences, TrainingFlags.Context,
            TrainingFlags.ChatTemplate, SharedOptions.Kernel, SharedOptions.Factors, SharedOptions.Json, SharedOptions.Quiet,
        })
            command.Options.Add(option);
        command.SetAction((parsed, cancellation) => RunAsync(shell, parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var library = new ExpertLibrary();
        ExpertCatalog.AddTo(library, parsed.GetRequiredValue(Experts), shell.Terminal);
        if (library.Experts.Count == 0)
            throw new UsageException("There is nothing to choose from: --experts names classification experts only.");
        var tasks = Divide(parsed, library);
        var request = Request(parsed, tasks);
        TrainingConsole.RequireOwnFiles(request, [request.ModelPath, .. parsed.GetRequiredValue(Experts), .. parsed.GetRequiredValue(Prompts).Select(FileOf)]);
        if (parsed.GetValue(TasksFolder) is { } folder)
            Save(shell.Terminal, folder, tasks);

        // Before the training, for what does not fit should not be found out after it.
        var before = await OnModelAsync(request, library, test => test.DecideAsync(new ScoredChoiceDispatch(), tasks.Test, cancellation), cancellation).ConfigureAwait(false);
        var result = await TrainingConsole.TrainAsync(
            shell, (progress, factoring, stop) => AdapterTraining.RunAsync(request, progress, factoring, stop), cancellation).ConfigureAwait(false);
        var (after, temperature) = await OnModelAsync(request, library, test => CalibrateAsync(test, request.OutputPath, tasks, cancellation), cancellation).ConfigureAwait(false);

        int gained = before.Zip(after).Count(static pair => !ClassifierTest.IsRight(pair.First) && ClassifierTest.IsRight(pair.Second));
        int lost = before.Zip(after).Count(static pair => ClassifierTest.IsRight(pair.First) && !ClassifierTest.IsRight(pair.Second));
        var report = new ClassifierReport(
            TrainingReport.Of(result, request), after.Count, ClassifierTest.Count("prompt", library.Experts, before), ClassifierTest.Count("cls", library.Experts, after),
            Statistics.McNemarExact(gained, lost), temperature);
        Results.Show(shell.Terminal, report, parsed.GetValue(SharedOptions.Json), JsonReports.Default.ClassifierReport, ClassifierReport.Print);
        return 0;
    }

    private static ClassifierTasks Divide(ParseResult parsed, ExpertLibrary library)
    {
        var labels = library.Experts.Select(static expert => new ExpertLabel(expert.Name, expert.Description)).ToArray();
        LabelledPrompt[] prompts = [.. parsed.GetRequiredValue(Prompts).SelectMany(Read)];
        try
        {
            return ClassifierTasks.Make(prompts, labels, TrainingFlags.Plain(parsed.GetValue(ValidationPart)), TrainingFlags.Plain(parsed.GetValue(TestPart)), parsed.GetValue(TrainingFlags.Seed));
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
    }

    private static IEnumerable<LabelledPrompt> Read(string argument) => LabelOf(argument) is { } label
        ? TaskSet.Load(FileOf(argument)).Items.Select(item => new LabelledPrompt(item.Prompt, label))
        : LabelledPrompt.Load(argument);

    /// <summary>The label of EXPERT=FILE; null for a file that has labels itself, whose name may have an '=' too.</summary>
    private static string? LabelOf(string argument) => argument.IndexOf('=') is > 0 and var equals && !File.Exists(argument) ? argument[..equals].Trim() : null;

    private static string FileOf(string argument) => LabelOf(argument) is null ? argument : argument[(argument.IndexOf('=') + 1)..];

    private static TrainingRequest Request(ParseResult parsed, ClassifierTasks tasks)
    {
        var options = new TrainingOptions
        {
            Kind = AdapterKind.Svf,
            Objective = TrainingObjective.NextToken,
            Steps = parsed.GetValue(Steps),
            LearningRate = TrainingFlags.Plain(parsed.GetValue(Rate)),
            Weights = new WeightSelection(parsed.GetRequiredValue(Weights), parsed.GetValue(TrainingFlags.Layers)),
            Batch = parsed.GetValue(TrainingFlags.Batch),
            Kl = TrainingFlags.Plain(parsed.GetValue(TrainingFlags.Kl)),
            WeightDecay = TrainingFlags.Plain(parsed.GetValue(TrainingFlags.WeightDecay)),
            ClipNorm = TrainingFlags.Plain(parsed.GetValue(TrainingFlags.Clip)),
            ValidateEvery = parsed.GetValue(TrainingFlags.ValidateEvery),
            Patience = parsed.GetValue(TrainingFlags.Patience),
            CheckpointEvery = parsed.GetValue(TrainingFlags.CheckpointEvery),
            Seed = TrainingFlags.SeedOf(parsed),
        };
        TrainingFlags.Check(options.Validate);
        return TrainingFlags.Fill(
            new TrainingRequest
            {
                ModelPath = parsed.GetRequiredValue(SharedOptions.Model),
                OutputPath = parsed.GetRequiredValue(TrainingFlags.Out),
                Task = TaskSplit.With(tasks.Training, tasks.Validation, parsed.GetValue(TrainingFlags.ValidationItems), options.Seed),
                Options = options,
                Metadata = [new(Expert.RoleKey, Expert.ClassifierRole)],
            },
            parsed);
    }

    private static void Save(Terminal terminal, string folder, ClassifierTasks tasks)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, task) in new[] { ("train", tasks.Training), ("valid", tasks.Validation), ("test", tasks.Test) })
        {
            string path = Path.Combine(folder, name + ".jsonl");
            OutputFile.Write(path, task.Save);
            terminal.Note($"Wrote {path}: {task.Items.Count} prompts.");
        }
    }

    /// <summary>Has the model dispatch among the experts; memory is given back before anything else needs it.</summary>
    private static async Task<T> OnModelAsync<T>(TrainingRequest request, ExpertLibrary library, Func<ClassifierTest, Task<T>> work, CancellationToken cancellation)
    {
        var options = new ModelOptions { AdaptationThreads = request.Threads, Kernel = request.Kernel, FactorPath = request.FactorPath };
        await using var model = await AdaptiveModel.LoadAsync(request.ModelPath, options, cancellation).ConfigureAwait(false);
        foreach (var expert in library.Experts)
        {
            ExpertFit.Verify(expert, model.File, model.Fingerprint, allowOtherBase: false);
            model.Experts.Add(expert);
        }
        return await work(new ClassifierTest(model, new SessionOptions { Threads = request.Threads, Format = request.Format })).ConfigureAwait(false);
    }

    /// <summary>Fits the temperature on the validation prompts, keeps it in the file, and tests.</summary>
    private static async Task<(IReadOnlyList<(DispatchDecision Decision, string Label)> Test, double? Temperature)> CalibrateAsync(
        ClassifierTest test, string path, ClassifierTasks tasks, CancellationToken cancellation)
    {
        var expert = Expert.Load(path);
        var validation = await test.DecideAsync(new ClassificationDispatch(expert), tasks.Validation, cancellation).ConfigureAwait(false);
        double? temperature = null;
        // Without a mistake the likelihood has no best temperature: the colder, the better.
        if (validation.Any(static one => !DispatchCalibration.IsRight(one.Decision, one.Label)))
        {
            temperature = Math.Round(DispatchCalibration.FitTemperature(validation), 4);
            expert = expert.With(extra: new KeyValuePair<string, string>(ClassificationDispatch.TemperatureKey, Units.Invariant($"{temperature}")));
            OutputFile.Write(path, expert.Save);
        }
        return (await test.DecideAsync(new ClassificationDispatch(expert), tasks.Test, cancellation).ConfigureAwait(false), temperature);
    }
}
