using System.CommandLine;
using T2.Llama;
using T2.Runtime;

namespace T2.Cli;

/// <summary><c>t2 run</c>.</summary>
internal static class RunCommand
{
    private static readonly Argument<string?> Prompt = new("PROMPT")
    {
        Description = "The question. Without it, stdin is the question; if stdin is a terminal, t2 asks for one after the other. Without a model either: a demonstration.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Model = new("--model", "-m")
    {
        Description = "The base model, a GGUF file. [default: the small one that came with t2, with its experts]",
        HelpName = "FILE",
    };

    private static readonly Option<bool> Interactive = new("--interactive") { Description = "Ask for prompts one after the other, also when stdin is not a terminal." };

    private static readonly Option<string[]> Experts = new("--experts")
    {
        Description = "An expert file, or a folder of them, for dispatch to choose from. Repeatable.",
        HelpName = "FILE|FOLDER",
        DefaultValueFactory = static _ => [],
    };

    private static readonly Option<string?> Expert = new("--expert", "-e") { Description = "Answer with this expert, without dispatch.", HelpName = "NAME|FILE" };

    private static readonly Option<string?> Mix = new("--mix")
    {
        Description = "Answer with this mixture, without dispatch: a=0.7,b=0.3, by name or file.",
        HelpName = "NAME=WEIGHT,...",
    };

    private static readonly Option<string?> Dispatch = new("--dispatch")
    {
        Description = "How an expert is chosen: prompt (scored choice), cls (the same under a classification expert), fewshot (a mixture found on --shots), generate (the model writes its choice), none. [default: prompt if there are --experts]",
        HelpName = "prompt|cls|fewshot|generate|none",
    };

    private static readonly Option<float> Confidence = Numbers.Real("--confidence", "Probability below which dispatch stays on the base.", 0, 1, 0.5f);

    private static readonly Option<float> DispatchTemperature = Numbers.Real(
        "--dispatch-temp", "Temperature of the labels' probabilities: above 1 is less sure. 0 = the classifier's own, or 1.", 0, 1000, 0);

    private static readonly Option<string?> Classifier = new("--classifier")
    {
        Description = "The classification expert of --dispatch cls. [default: the one among --experts]",
        HelpName = "NAME|FILE",
    };

    private static readonly Option<int> MaxTokens = Numbers.Whole("--n-predict", ["-n"], "Most tokens to generate; -1 = until the model ends.", -1, int.MaxValue, 512);

    private static readonly Option<float> Temperature = Numbers.Real("--temp", "Temperature; 0 = always the likeliest token.", 0, float.MaxValue, 0.8f);

    private static readonly Option<int> TopK = Numbers.Whole("--top-k", [], "Sample from the k likeliest tokens; 0 = all.", 0, int.MaxValue, 40);

    private static readonly Option<float> TopP = Numbers.Real("--top-p", "Sample from the likeliest tokens that add up to this probability; 1 = all.", 0, 1, 0.95f);

    private static readonly Option<float> MinP = Numbers.Real("--min-p", "Drop tokens less likely than this times the likeliest; 0 = none.", 0, 1, 0.05f);

    private static readonly Option<float> RepeatPenalty = Numbers.Real("--repeat-penalty", "Make recent tokens less likely; 1 = off.", 0.01f, 100, 1);

    private static readonly Option<uint?> Seed = Numbers.Seed("--seed", ["-s"], "Seed of the sampler; -1 = a random one. [default: -1]");

    private static readonly Option<string?> Grammar = new("--grammar") { Description = "A GBNF grammar that the answer must follow.", HelpName = "GBNF" };

    private static readonly Option<string?> GrammarFile = new("--grammar-file") { Description = "A file with such a grammar.", HelpName = "FILE" };

    private static readonly Option<int?> Context = Numbers.Optional(
        "--ctx-size", ["-c"], "Context in tokens, question and answer together; 0 = the model's own. [default: 4096, or the model's own if that is less]", 0, int.MaxValue);

    private static readonly Option<int> GpuLayers = Numbers.Whole("--n-gpu-layers", ["-ngl"], "Layers to keep on the GPU; -1 = all.", -1, int.MaxValue, 0);

    private static readonly Option<string?> SystemPrompt = new("--system-prompt", "-sys") { Description = "A system message before every question.", HelpName = "TEXT" };

    private static readonly Option<string?> ChatTemplate = new("--chat-template")
    {
        Description = "A chat template llama.cpp knows by name, or 'plain' for none. [default: the model's own]",
        HelpName = "NAME",
    };

    private static readonly Option<bool> NoMap = new("--no-mmap") { Description = "Read the model into memory instead of mapping the file." };

    private static readonly Option<bool> NoRepack = new("--no-repack", "-nr") { Description = "Keep quantised weights as the file has them." };

    private static readonly Option<string?> Library = new("--library")
    {
        Description = $"llama.cpp's library or its folder. [default: {LlamaLibrary.EnvironmentVariable}, or the one that came with t2]",
        HelpName = "PATH",
    };

    private static readonly Option<bool> Verbose = new("--verbose", "-v") { Description = "Show on stderr where the time went, and llama.cpp's warnings." };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("run", "Answer: the model decides which expert a question needs, its weights are rebuilt in place, the answer streams to stdout.")
        {
            Notes = """
                The answer alone goes to stdout, all else to stderr. The first use of an expert factors the model, once ('t2 factor' does it ahead).
                """,
            Examples =
            [
                ("See it work, with the model that came with t2:", "t2 run"),
                ("Let the model choose among the experts of a folder:", "t2 run -m model.gguf --experts experts/ 'What is 17 * 23?'"),
                ("One expert, always:", "t2 run -m model.gguf --expert math.gguf 'What is 17 * 23?'"),
                ("Dispatch by an expert trained for it:", "t2 run -m model.gguf --experts experts/ --dispatch cls --classifier dispatch.gguf 'What is 17 * 23?'"),
                ("The mixture that answers three examples best:", "t2 run -m model.gguf --experts experts/ --dispatch fewshot --shots task.jsonl --light 'What is 17 * 23?'"),
                ("A mixture, with timings:", "t2 run -m model.gguf --mix math.gguf=0.7,code.gguf=0.3 --verbose 'What is 17 * 23?'"),
                ("From a pipe, for a script:", "cat question.txt | t2 run -m model.gguf --temp 0 --json | jq -r .answer"),
                ("A conversation:", "t2 run -m model.gguf --experts experts/"),
            ],
        };
        command.Arguments.Add(Prompt);
        foreach (var option in new Option[]
        {
            Model, Experts, Expert, Mix, Dispatch, Confidence, DispatchTemperature, Classifier, SearchFlags.Shots, SearchFlags.ShotCount, SearchFlags.Light, Interactive, MaxTokens, Temperature, TopK, TopP, MinP, RepeatPenalty, Seed, Grammar, GrammarFile,
            SystemPrompt, ChatTemplate, SharedOptions.Threads, Context, GpuLayers, NoMap, NoRepack, SharedOptions.Kernel, SharedOptions.Factors, SharedOptions.AllowOtherBase,
            SharedOptions.Precision, SharedOptions.PreparedMemory, SharedOptions.PreparedFolder,
            Library, Verbose, SharedOptions.Json, SharedOptions.Quiet,
        })
            command.Options.Add(option);
        command.SetAction((parsed, cancellation) => RunAsync(shell, parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var request = await BindAsync(shell, parsed, cancellation).ConfigureAwait(false);
        if (request is { Prompt: null, Interactive: false })
        {
            await Demonstration.RunAsync(shell, request, cancellation).ConfigureAwait(false);
            return 0;
        }
        await using var conversation = await Conversation.OpenAsync(shell.Terminal, request, cancellation).ConfigureAwait(false);
        if (request.Interactive)
            await new Repl(shell, conversation, how => Choice(parsed, how).Create(conversation.Experts)).RunAsync(request.Prompt, cancellation).ConfigureAwait(false);
        else
            await conversation.AskAsync(request.Prompt!, cancellation).ConfigureAwait(false);
        return 0;
    }

    private static async Task<RunRequest> BindAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        string? model = parsed.GetValue(Model);
        string[] experts = parsed.GetValue(Experts) ?? [];
        if (model is null && experts.Length == 0)
            experts = [BundledModel.ExpertsPath];
        string? expert = parsed.GetValue(Expert);
        var mix = parsed.GetValue(Mix) is { } recipe ? WeightedName.ParseList(recipe) : null;
        string? dispatch = parsed.GetValue(Dispatch);
        var choice = Choice(parsed, dispatch is "none" ? null : dispatch);
        if (choice.IsSearch != (parsed.GetValue(SearchFlags.Shots) is not null))
            throw new UsageException(choice.IsSearch ? "--dispatch fewshot needs examples of the task (--shots FILE)." : "--shots goes with --dispatch fewshot.");
        if (parsed.GetValue(Classifier) is not null && !choice.IsClassification)
            throw new UsageException("--classifier goes with --dispatch cls.");
        if (expert is not null && mix is not null)
            throw new UsageException("--expert and --mix exclude one another.");
        bool dispatches = dispatch is not "none" && (dispatch is not null || experts.Length > 0);
        if (dispatch is not (null or "none"))
        {
            if (expert is not null || mix is not null)
                throw new UsageException($"--dispatch {dispatch} chooses an expert, {(mix is null ? "--expert" : "--mix")} fixes one; give one of the two.");
            if (experts.Length == 0)
                throw new UsageException($"--dispatch {dispatch} needs experts to choose from (--experts).");
        }
        bool verbose = parsed.GetValue(Verbose);
        var (prompt, interactive) = await PromptAsync(parsed, model is null, cancellation).ConfigureAwait(false);
        return new RunRequest
        {
            ModelPath = model ?? BundledModel.ModelPath,
            Prompt = prompt,
            Interactive = interactive,
            Model = new ModelOptions
            {
                GpuLayers = parsed.GetValue(GpuLayers),
                LoadMode = parsed.GetValue(NoMap) ? LlamaLoadMode.None : LlamaLoadMode.Auto,
                Repack = !parsed.GetValue(NoRepack),
                AdaptationThreads = parsed.GetValue(SharedOptions.Threads),
                Kernel = Kernels.Resolve(parsed.GetValue(SharedOptions.Kernel)).Name,
                FactorPath = parsed.GetValue(SharedOptions.Factors),
                AllowOtherBase = parsed.GetValue(SharedOptions.AllowOtherBase),
                Precision = SharedOptions.ResolvePrecision(parsed.GetValue(SharedOptions.Precision)),
                PreparedDirectory = parsed.GetValue(SharedOptions.PreparedFolder),
                PreparedBytes = (long)parsed.GetValue(SharedOptions.PreparedMemory) << 20,
                LibraryPath = parsed.GetValue(Library),
                Logger = verbose ? new TerminalLogger(shell.Terminal) : null,
            },
            Sampling = Sampling(parsed),
            Experts = experts,
            Expert = expert,
            Mix = mix,
            Dispatches = dispatches,
            Choice = choice,
            Search = choice.IsSearch ? SearchFlags.Read(parsed) : null,
            ChatTemplate = parsed.GetValue(ChatTemplate),
            SystemPrompt = parsed.GetValue(SystemPrompt),
            MaxTokens = parsed.GetValue(MaxTokens),
            ContextLength = parsed.GetValue(Context),
            Threads = parsed.GetValue(SharedOptions.Threads),
            Verbose = verbose,
            Json = parsed.GetValue(SharedOptions.Json),
        };
    }

    private static async Task<(string? Prompt, bool Interactive)> PromptAsync(ParseResult parsed, bool bundled, CancellationToken cancellation)
    {
        string? prompt = parsed.GetValue(Prompt);
        bool interactive = parsed.GetValue(Interactive);
        if (prompt is null && !interactive)
        {
            if (!Console.IsInputRedirected)
                return (null, !bundled);
            prompt = await Console.In.ReadToEndAsync(cancellation).ConfigureAwait(false);
        }
        // The newline that ends a file or an echo is not part of the question.
        prompt = prompt?.TrimEnd('\r', '\n');
        if (prompt is "" && bundled && parsed.GetValue(Prompt) is null)
            return (null, interactive);
        return prompt is "" ? throw new UsageException("The prompt is empty.") : (prompt, interactive);
    }

    private static LlamaSamplingOptions Sampling(ParseResult parsed)
    {
        string? grammar = parsed.GetValue(Grammar);
        if (parsed.GetValue(GrammarFile) is { } file)
            grammar = grammar is null ? File.ReadAllText(file) : throw new UsageException("--grammar and --grammar-file exclude one another.");
        return new LlamaSamplingOptions
        {
            Temperature = parsed.GetValue(Temperature),
            TopK = parsed.GetValue(TopK),
            TopP = parsed.GetValue(TopP),
            MinP = parsed.GetValue(MinP),
            RepeatPenalty = parsed.GetValue(RepeatPenalty),
            Seed = parsed.GetValue(Seed),
            Grammar = grammar,
        };
    }

    private static DispatchChoice Choice(ParseResult parsed, string? how) => new DispatchChoice(
        how ?? "prompt",
        parsed.GetValue(Confidence),
        parsed.GetValue(DispatchTemperature) is > 0 and var temperature ? temperature : null,
        parsed.GetValue(Classifier)).Validated();
}
