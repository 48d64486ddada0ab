using T2.Runtime;
using T2.Tasks;

namespace T2.Training;

/// <summary>What every run needs: a base, a task, and where to write.</summary>
public abstract record TrainingJob
{
    /// <summary>The base model, a GGUF file.</summary>
    public required string ModelPath { get; init; }

    /// <summary>The questions.</summary>
    public required TaskSplit Task { get; init; }

    /// <summary>The file to write: an expert, or a LoRA GGUF. Log, curve and checkpoint take its name with other endings.</summary>
    public required string OutputPath { get; init; }

    /// <summary>Name of the adapter; null = the output's file name.</summary>
    public string? Name { get; init; }

    /// <summary>One line on what it is for; null = the task's own.</summary>
    public string? Description { get; init; }

    /// <summary>Other metadata of an expert's file, such as what it is for where it is not one to answer with.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Metadata { get; init; } = [];

    /// <summary>Judges answers; null = the verifier that the task names.</summary>
    public IVerifier? Verifier { get; init; }

    /// <summary>Go on from the checkpoint beside the output, as if the run had not been interrupted.</summary>
    public bool Resume { get; init; }

    /// <summary>Threads of forward, backward, rollouts and verifiers; 0 = all processors, but for rollouts as many as <see cref="BatchOptions.Threads"/> says.</summary>
    public int Threads { get; init; }

    /// <summary>Answers decoded at a time; 0 = as many as a step or a validation has, at most 64, beyond which the shared cache costs more than wider decodes save.</summary>
    public int Sequences { get; init; }

    /// <summary>Context of one answer in tokens, question included; 0 = as long as the task needs.</summary>
    public int ContextLength { get; init; }

    /// <summary>How questions become prompts.</summary>
    public ChatFormat Format { get; init; } = ChatFormat.Auto;

    /// <summary>The factor sidecar; null = beside the model.</summary>
    public string? FactorPath { get; init; }

    /// <summary>Kernel that factors and rebuilds; null = the best available.</summary>
    public string? Kernel { get; init; }

    /// <summary>Where the checkpoint is kept until the run is finished.</summary>
    public string CheckpointPath => OutputPath + ".checkpoint";

    /// <summary>The log, one JSON object a line.</summary>
    public string LogPath => Path.ChangeExtension(OutputPath, ".training.jsonl");

    /// <summary>The picture of the run.</summary>
    public string CurvePath => Path.ChangeExtension(OutputPath, ".training.svg");

    /// <summary>The adapter's name.</summary>
    internal string AdapterName => Name ?? Path.GetFileNameWithoutExtension(OutputPath);

    internal int ResolvedThreads => Threads > 0 ? Threads : Environment.ProcessorCount;

    /// <summary>Loads the base the way a run uses it.</summary>
    internal Task<AdaptiveModel> LoadModelAsync(CancellationToken cancellation) => AdaptiveModel.LoadAsync(
        ModelPath,
        // Every step's weights are new: those of the last one are worth no memory.
        new ModelOptions { AdaptationThreads = ResolvedThreads, PreparedBytes = 0, FactorPath = FactorPath, Kernel = Kernel },
        cancellation);

    /// <summary>How rollouts are decoded.</summary>
    /// <param name="model">The base.</param>
    /// <param name="answersAtOnce">The most answers a step or validation asks for.</param>
    /// <param name="longest">The most tokens the trainer can take; null = any number.</param>
    /// <exception cref="TrainingException">A question does not fit.</exception>
    internal async Task<BatchOptions> RolloutOptionsAsync(AdaptiveModel model, int answersAtOnce, int? longest)
    {
        var options = new BatchOptions { Sequences = Sequences > 0 ? Sequences : Math.Min(64, answersAtOnce), Threads = Threads, Format = Format };
        await using var tokenizer = new BatchGenerator(model, options with { Sequences = 1, ContextLength = 32, Threads = 1 });
        int needed = 0;
        foreach (var set in new[] { Task.Training, Task.Validation })
        {
            foreach (var item in set.Items)
            {
                int length = tokenizer.Tokenize(RolloutEngine.Request(item, set.MaxTokens)).Length + set.MaxTokens;
                if (length > longest)
                    throw new TrainingException($"Question '{item.Id}' of '{set.Name}' takes {length} tokens with an answer of {set.MaxTokens}, the model's context is {longest}. Lower max_tokens or shorten it.");
                needed = Math.Max(needed, length);
            }
        }
        return options with { ContextLength = ContextLength > 0 ? ContextLength : needed };
    }

    internal RolloutEngine CreateRollouts(BatchGenerator generator) =>
        new(generator, Task.Training, Verifier ?? Tasks.Verifier.Create(Task.Training.Verifier), ResolvedThreads);
}
