using System.CommandLine;
using T2.Runtime;
using T2.Tasks;
using T2.Training;

namespace T2.Cli;

/// <summary>The options that the training commands share, and what they stand for.</summary>
internal static class TrainingFlags
{
    internal static readonly Option<string> Task = new("--task")
    {
        Description = "The questions: a JSONL file, one {\"prompt\":…,\"answer\":…} a line, whose first line may name task and verifier.",
        HelpName = "FILE",
        Required = true,
    };

    internal static readonly Option<string?> Validation = new("--validation")
    {
        Description = "Questions to choose the best step by, in a file of their own. [default: a part of the task is held out]",
        HelpName = "FILE",
    };

    internal static readonly Option<string?> Verifier = new("--verifier")
    {
        Description = "How answers are judged: exact, numeric, choice, or command:PROGRAM. [default: the task's own]",
        HelpName = "VERIFIER",
    };

    internal static readonly Option<string> Out = new("--out", "--output", "-o")
    {
        Description = "The file to write. Its log, curve and checkpoint lie beside it.",
        HelpName = "FILE",
        Required = true,
    };

    internal static readonly Option<string?> Name = new("--name") { Description = "The adapter's name: what --expert and dispatch call it. [default: the file's]", HelpName = "NAME" };

    internal static readonly Option<float> HoldOut = Numbers.Real("--hold-out", "Part of the task held out for validation, where there is no --validation.", 0.001f, 0.9f, 0.1f);

    internal static readonly Option<int> ValidationItems = Numbers.Whole("--validation-items", [], "Most questions to validate with.", 1, int.MaxValue, 256);

    internal static readonly Option<int> Batch = Numbers.Whole("--batch", ["-b"], "Questions a step.", 1, int.MaxValue, 64);

    internal static readonly Option<int> Samples = Numbers.Whole("--samples", [], "Answers sampled for each question (policy).", 1, 4096, 4);

    internal static readonly Option<float> Kl = Numbers.Real("--kl", "Weight of the KL divergence from the base: what holds its other skills together.", 0, 1e6f, 0.1f);

    internal static readonly Option<string?> Anchor = new("--anchor")
    {
        Description = "Questions with answers, in a file like --task, on which the model is to stay as it is: other skills, which --kl alone does not hold.",
        HelpName = "FILE",
    };

    internal static readonly Option<float> AnchorWeight = Numbers.Real("--anchor-weight", "Weight of the KL divergence from the base on the anchor.", 1e-6f, 1e6f, 1);

    internal static readonly Option<int> AnchorBatch = Numbers.Whole("--anchor-batch", [], "Questions of the anchor a step.", 1, int.MaxValue, 16);

    internal static readonly Option<float> WeightDecay = Numbers.Real("--weight-decay", "AdamW's weight decay, towards the base.", 0, 1e6f, 0);

    internal static readonly Option<float> Clip = Numbers.Real("--clip", "Global norm gradients are clipped to; 0 = none.", 0, 1e6f, 1);

    internal static readonly Option<float> Temperature = Numbers.Real("--temp", "Temperature of sampled answers (policy).", 0.01f, 100, 1);

    internal static readonly Option<string> Objective = OneOf("--objective", "What is minimised.", "policy", "next-token");

    internal static readonly Option<string> Baseline = OneOf("--baseline", "What a sample's reward is compared with (policy).", "leave-one-out", "mean", "none");

    internal static readonly Option<string?> Layers = new("--layers") { Description = "Blocks to adapt, such as 0-3,7. [default: all]", HelpName = "LIST" };

    internal static readonly Option<int> ValidateEvery = Numbers.Whole("--validate-every", [], "Steps between two validations.", 1, int.MaxValue, 10);

    internal static readonly Option<int> Patience = Numbers.Whole("--patience", [], "Validations without a better one before the run ends; 0 = never.", 0, int.MaxValue, 8);

    internal static readonly Option<int> CheckpointEvery = Numbers.Whole("--checkpoint-every", [], "Steps between two checkpoints. Ctrl-C writes one too.", 1, int.MaxValue, 10);

    internal static readonly Option<int> Sequences = Numbers.Whole("--sequences", [], "Answers decoded at a time; 0 = as many as a step has, at most 64.", 0, 256, 0);

    internal static readonly Option<int> Context = Numbers.Whole("--ctx-size", ["-c"], "Context of one answer in tokens, question included; 0 = as long as the task needs.", 0, int.MaxValue, 0);

    internal static readonly Option<int> Seed = Numbers.Whole("--seed", ["-s"], "Decides the order of questions and every sampled answer.", 0, int.MaxValue, 1);

    internal static readonly Option<bool> Resume = new("--resume") { Description = "Go on from the checkpoint beside the output, exactly as if never stopped." };

    internal static readonly Option<string?> ChatTemplate = new("--chat-template")
    {
        Description = "A chat template llama.cpp knows by name, or 'plain' for none. [default: the model's own]",
        HelpName = "NAME",
    };

    /// <summary>An option that takes one of a few words, the first by default.</summary>
    internal static Option<string> OneOf(string name, string description, params string[] words)
    {
        var option = new Option<string>(name)
        {
            Description = description,
            HelpName = string.Join('|', words),
            DefaultValueFactory = _ => words[0],
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !words.Contains(token.Value, StringComparer.Ordinal))
                result.AddError($"{name} takes {string.Join(", ", words[..^1])} or {words[^1]}, not '{token.Value}'.");
        });
        return option;
    }

    internal static Option<int> Steps(int otherwise) => Numbers.Whole("--steps", ["-n"], "Steps to train.", 1, int.MaxValue, otherwise);

    internal static Option<float> LearningRate(float otherwise) =>
        Numbers.Real("--lr", "AdamW's step size at the start; it falls to a tenth along a cosine.", 1e-8f, 10, otherwise);

    internal static Option<string> Weights(string otherwise)
    {
        var option = new Option<string>("--weights")
        {
            Description = $"The weights to adapt: {string.Join(", ", WeightSelection.Parts)}, or weights of a block by name, as in attn_q,ffn_down.",
            HelpName = "LIST",
            DefaultValueFactory = _ => otherwise,
        };
        option.Validators.Add(static result =>
        {
            if (result.Tokens is [var token] && WeightSelection.Problem(token.Value) is { } problem)
                result.AddError("--weights: " + problem);
        });
        return option;
    }

    /// <summary>Gives a command its own options among those of every training command.</summary>
    internal static void AddTo(Command command, ReadOnlySpan<Option> own)
    {
        foreach (var option in new Option[] { SharedOptions.Model, Task, Validation, Verifier, Out, Name, SharedOptions.Describe })
            command.Options.Add(option);
        foreach (var option in own)
            command.Options.Add(option);
        foreach (var option in new Option[]
        {
            HoldOut, ValidationItems, Resume, Seed, SharedOptions.Threads, Sequences, Context, ChatTemplate, SharedOptions.Kernel, SharedOptions.Factors, SharedOptions.Json, SharedOptions.Quiet,
        })
            command.Options.Add(option);
    }

    /// <summary>Fills in what every run is given.</summary>
    internal static T Fill<T>(T request, ParseResult parsed)
        where T : TrainingJob => (T)(request with
        {
            Name = parsed.GetValue(Name),
            Description = parsed.GetValue(SharedOptions.Describe),
            Resume = parsed.GetValue(Resume),
            Threads = parsed.GetValue(SharedOptions.Threads),
            Sequences = parsed.GetValue(Sequences),
            ContextLength = parsed.GetValue(Context),
            Format = Format(parsed.GetValue(ChatTemplate)),
            Kernel = Kernels.Resolve(parsed.GetValue(SharedOptions.Kernel)).Name,
            FactorPath = parsed.GetValue(SharedOptions.Factors),
        });

    /// <summary>Reads the task and what it is validated with.</summary>
    internal static TaskSplit ReadTask(Terminal terminal, ParseResult parsed)
    {
        string? verifier = parsed.GetValue(Verifier);
        if (verifier is not null)
            Check(() => Tasks.Verifier.Create(verifier));
        string file = parsed.GetRequiredValue(Task);
        var task = TaskSet.Load(file, verifier);
        // A task may come from somebody else; what it runs is typed by whoever runs it.
        if (verifier is null && Tasks.Verifier.RunsCommands(task.Verifier))
            throw new UsageException($"The verifier of {file} runs a program ({task.Verifier}); give it with --verifier to let it.");
        ulong seed = SeedOf(parsed);
        int most = parsed.GetValue(ValidationItems);
        var split = parsed.GetValue(Validation) is { } validation
            ? TaskSplit.With(task, TaskSet.Load(validation, verifier ?? task.Verifier), most, seed)
            : TaskSplit.HoldOut(task, parsed.GetValue(HoldOut), most, seed);
        if (split.Shared > 0)
            terminal.Note($"{split.Shared} questions of the task are asked in validation too; not trained on.");
        return split;
    }

    /// <summary>Reads the anchor, less the questions that the task asks too; null where none was given.</summary>
    /// <exception cref="UsageException">An option of the anchor was given without one, or the anchor is the task's own file.</exception>
    internal static TaskSet? ReadAnchor(Terminal terminal, ParseResult parsed, TaskSplit task)
    {
        if (parsed.GetValue(Anchor) is not { } file)
        {
            foreach (var option in new Option[] { AnchorWeight, AnchorBatch })
            {
                if (parsed.GetResult(option) is { Implicit: false })
                    throw new UsageException($"{option.Name} says nothing without --anchor.");
            }
            return null;
        }
        if (Path.GetFullPath(file) == Path.GetFullPath(parsed.GetRequiredValue(Task)))
            throw new UsageException("--anchor is the task's own file: held to the base, it could not be learnt. Give the questions on which the model is to stay as it is.");
        var anchor = TaskSet.Load(file);
        var own = task.LeaveOut(anchor);
        if (own.Items.Count < anchor.Items.Count)
            terminal.Note($"{anchor.Items.Count - own.Items.Count} questions of the anchor are asked by the task too; not held to the base.");
        return own;
    }

    internal static ulong SeedOf(ParseResult parsed) => (ulong)parsed.GetValue(Seed);

    /// <summary>Turns an option that makes no sense into a matter of usage.</summary>
    internal static void Check(Action validate)
    {
        try
        {
            validate();
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
    }

    /// <summary>What was typed as 0.01 is meant as 0.01, not as the nearest float widened.</summary>
    internal static double Plain(float value) => (double)(decimal)value;

    private static ChatFormat Format(string? name)
    {
        try
        {
            return name switch
            {
                null => ChatFormat.Auto,
                "plain" => ChatFormat.Plain,
                _ => ChatFormat.Named(name),
            };
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
    }
}
