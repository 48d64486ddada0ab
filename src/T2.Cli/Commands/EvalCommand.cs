using System.CommandLine;
using T2.Evaluation;
using T2.Llama;
using T2.Runtime;
using T2.Tasks;

namespace T2.Cli;

/// <summary><c>t2 eval</c>.</summary>
internal static class EvalCommand
{
    private static readonly Option<string[]> TaskFiles = new("--tasks")
    {
        Description = "A task file, or a folder of them; several with commas, or by repeating the option.",
        HelpName = "FILE,...",
        Required = true,
    };

    private static readonly Option<string[]> StrategyNames = new("--strategies")
    {
        Description = $"How to answer: {StrategyList.Names}.",
        HelpName = "NAME,...",
        DefaultValueFactory = static _ => ["base"],
    };

    private static readonly Option<string[]> Experts = new("--experts")
    {
        Description = "An expert file, or a folder of them. Repeatable.",
        HelpName = "FILE|FOLDER",
        DefaultValueFactory = static _ => [],
    };

    private static readonly Option<string?> Out = new("--out", "-o")
    {
        Description = "Folder for the answers and the reports. What is in it already is not answered again. [default: MODEL-eval]",
        HelpName = "FOLDER",
    };

    private static readonly Option<bool> Restart = new("--restart") { Description = "Forget the answers that are in the folder." };

    private static readonly Option<string?> VerifierSpec = new("--verifier")
    {
        Description = "Judges instead of the tasks' own: exact, numeric, numeric:TOLERANCE, choice, math, python, command:SHELL.",
        HelpName = "VERIFIER",
    };

    private static readonly Option<int?> Limit = Numbers.Optional("--limit", [], "Only the first N items of each task.", 1, int.MaxValue);

    private static readonly Option<int?> MaxTokens = Numbers.Optional("--n-predict", ["-n"], "Most tokens of an answer. [default: what the task says]", 1, int.MaxValue);

    private static readonly Option<float> Temperature = Numbers.Real("--temp", "Temperature; 0 = always the likeliest token.", 0, float.MaxValue, 0);

    private static readonly Option<uint?> Seed = Numbers.Seed("--seed", ["-s"], "Seed of the sampler, for temperatures above 0. [default: 0]");

    private static readonly Option<float> Confidence = Numbers.Real("--confidence", "Probability below which dispatch stays on the base.", 0, 1, 0.5f);

    private static readonly Option<int> Sequences = Numbers.Whole("--parallel", ["-np"], "Answers under way at a time.", 1, 256, 64);

    private static readonly Option<int> Context = Numbers.Whole("--ctx-size", ["-c"], "Most tokens of a question and its answer; 0 = what the tasks need.", 0, int.MaxValue, 0);

    private static readonly Option<string?> ChatTemplate = new("--chat-template")
    {
        Description = "A chat template llama.cpp knows by name, or 'plain' for none. [default: the model's own]",
        HelpName = "NAME",
    };

    private static readonly Option<bool> NoRepack = new("--no-repack", "-nr") { Description = "Keep quantised weights as the file has them." };

    private static readonly Option<bool> AllowCode = new("--allow-code-execution")
    {
        Description = "Let verifiers run programs: commands that task files name, and code the model writes (MBPP, HumanEval), the latter in a sandbox.",
    };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("eval", "Answer tasks with the base, experts, LoRA adapters or by dispatch, and say who is right how often.")
        {
            Notes = """
                A task is a file of JSON lines, {"prompt":…,"answer":…} each, after an optional {"task":NAME,"verifier":…,"max_tokens":…}.
                Every answer is written down as it comes; a run that was stopped goes on where it was. A question that fails is counted and stops nothing.
                'vs base' counts questions that only this strategy (+) or only the base (-) got right; p is McNemar's exact test on them.
                """,
            Examples =
            [
                ("An expert against the base:", "t2 eval -m model.gguf --experts experts/ --tasks arithmetic.jsonl --strategies base,expert:arithmetic"),
                ("Everything, on all tasks of a folder:", "t2 eval -m model.gguf --experts experts/ --tasks tasks/ --strategies base,experts,lora:math-lora.gguf,uniform,prompt"),
                ("A mixture for each task, by ten examples of it:", "t2 eval -m model.gguf --experts experts/ --tasks tasks/ --strategies base,fewshot --shots shots/ --generations 20"),
                ("For a script:", "t2 eval -m model.gguf --tasks arithmetic.jsonl --json | jq '.results[].accuracy'"),
            ],
        };
        foreach (var option in new Option[]
        {
            SharedOptions.Model, TaskFiles, StrategyNames, Experts, Out, Restart, VerifierSpec, Limit, MaxTokens, Temperature, Seed, Confidence, Sequences, Context, ChatTemplate,
            AllowCode, SharedOptions.Threads, NoRepack, SharedOptions.Kernel, SharedOptions.Factors, SharedOptions.AllowOtherBase, FewShotMixtures.Shots, SearchFlags.ShotCount, SearchFlags.Light,
            SearchFlags.Generations, SearchFlags.Population, SearchFlags.Elites, SearchFlags.Deviation, SearchFlags.PerWeight, SearchFlags.Normalise, SearchFlags.SearchSeed,
            SharedOptions.Json, SharedOptions.Quiet,
        })
        {
            command.Options.Add(option);
        }
        command.SetAction((parsed, cancellation) => RunAsync(shell, parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        string path = parsed.GetRequiredValue(SharedOptions.Model);
        var tasks = ReadTasks(parsed);
        string[] names = [.. Split(parsed.GetValue(StrategyNames))];
        string folder = parsed.GetValue(Out) ?? Path.GetFileNameWithoutExtension(path) + "-eval";
        var mixtures = FewShotMixtures.Read(parsed, names, tasks, folder);
        var library = new ExpertLibrary();
        ExpertCatalog.AddTo(library, parsed.GetValue(Experts) ?? [], shell.Terminal);
        bool allowOtherBase = parsed.GetValue(SharedOptions.AllowOtherBase);

        await using var model = await AdaptiveModel.LoadAsync(path, ModelOptions(parsed), cancellation).ConfigureAwait(false);
        foreach (var expert in library.Experts.Concat(library.Classifiers))
        {
            ExpertFit.Verify(expert, model.File, model.Fingerprint, allowOtherBase);
            model.Experts.Add(expert);
        }
        using var strategies = StrategyList.Resolve(names, model, mixtures.Found, allowOtherBase, parsed.GetValue(Confidence));
        if (strategies.Strategies.Any(static strategy => strategy.ChangesWeights))
        {
            using var factoring = new FactorProgressDisplay(shell.Terminal);
            await model.FactorAsync(factoring, cancellation).ConfigureAwait(false);
        }

        var options = EvaluationOptions(parsed, folder);
        var evaluator = new Evaluator(model, options);
        if (parsed.GetValue(Restart))
        {
            Evaluator.Forget(folder);
            mixtures.Forget();
        }
        EvaluationReport report;
        try
        {
            await mixtures.SearchAsync(shell.Terminal, model, new BatchOptions { Threads = options.Threads, Format = options.Format }, allowOtherBase, cancellation).ConfigureAwait(false);
            using var display = new EvaluationDisplay(shell.Terminal);
            report = await evaluator.RunAsync(tasks, strategies.Strategies, display, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled)
        {
            throw new StoppedException($"cancelled; the answers so far are in {folder}, run it again to go on", cancelled);
        }
        string reports = report.Save(folder);
        Results.Show(shell.Terminal, report, parsed.GetValue(SharedOptions.Json), EvaluationReport.JsonType, EvaluationTables.Print);
        shell.Terminal.Note($"Report: {reports}");
        return 0;
    }

    private static IReadOnlyList<TaskSet> ReadTasks(ParseResult parsed)
    {
        string? verifier = parsed.GetValue(VerifierSpec);
        if (verifier is not null)
            CheckVerifier(verifier);
        var tasks = new List<TaskSet>();
        foreach (string path in Split(parsed.GetValue(TaskFiles)))
        {
            if (!Directory.Exists(path))
            {
                tasks.Add(ReadTask(path, verifier, parsed));
                continue;
            }
            string[] files = [.. Directory.EnumerateFiles(path, "*.jsonl").Order(StringComparer.Ordinal)];
            if (files.Length == 0)
                throw new BadFileException($"{path}: the folder holds no task files (*.jsonl).");
            tasks.AddRange(files.Select(file => ReadTask(file, verifier, parsed)));
        }
        if (tasks.CountBy(static task => task.Name).FirstOrDefault(static pair => pair.Value > 1).Key is { } twice)
            throw new UsageException($"Two of the tasks are named '{twice}'.");
        return tasks;
    }

    private static TaskSet ReadTask(string path, string? verifier, ParseResult parsed)
    {
        var task = TaskSet.Load(path, verifier);
        if (Verifier.RunsAnswers(task.Verifier))
            RequireSandbox(path, parsed);
        else if (verifier is null && Verifier.RunsCommands(task.Verifier) && !parsed.GetValue(AllowCode))
            throw new UsageException($"The verifier of {path} runs a program ({task.Verifier}); allow it with --allow-code-execution, or give one with --verifier.");
        return task with
        {
            Items = parsed.GetValue(Limit) is { } limit ? [.. task.Items.Take(limit)] : task.Items,
            MaxTokens = parsed.GetValue(MaxTokens) ?? task.MaxTokens,
        };
    }

    private static void RequireSandbox(string path, ParseResult parsed)
    {
        if (!parsed.GetValue(AllowCode))
            throw new UsageException($"Answers to {path} are programs, judged by running them in a sandbox; allow it with --allow-code-execution.");
        if (Sandbox.Problem is { } problem)
            throw new UsageException($"Answers to {path} are programs, and there is no sandbox to run them in here: {problem}");
    }

    private static ModelOptions ModelOptions(ParseResult parsed) => new()
    {
        Repack = !parsed.GetValue(NoRepack),
        AdaptationThreads = parsed.GetValue(SharedOptions.Threads),
        Kernel = Kernels.Resolve(parsed.GetValue(SharedOptions.Kernel)).Name,
        FactorPath = parsed.GetValue(SharedOptions.Factors),
        AllowOtherBase = parsed.GetValue(SharedOptions.AllowOtherBase),
    };

    private static EvaluationOptions EvaluationOptions(ParseResult parsed, string folder) => new()
    {
        Folder = folder,
        Sequences = parsed.GetValue(Sequences),
        ContextLength = parsed.GetValue(Context),
        Threads = parsed.GetValue(SharedOptions.Threads),
        Format = Format(parsed.GetValue(ChatTemplate)),
        Sampling = parsed.GetValue(Temperature) is var temperature and > 0
            ? new LlamaSamplingOptions { Temperature = temperature, TopK = 0, TopP = 1, MinP = 0 }
            : LlamaSamplingOptions.Greedy,
        Seed = parsed.GetValue(Seed) ?? 0,
        // Whoever typed the verifier, or allowed those of files, has consented.
        Verifier = static task => Verifier.Create(task.Verifier),
    };

    private static ChatFormat Format(string? name)
    {
        try
        {
            return name switch { null => ChatFormat.Auto, "plain" => ChatFormat.Plain, _ => ChatFormat.Named(name) };
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
    }

    private static void CheckVerifier(string verifier)
    {
        try
        {
            Verifier.Create(verifier);
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(exception.Message);
        }
    }

    private static IEnumerable<string> Split(string[]? lists) =>
        (lists ?? []).SelectMany(static list => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
