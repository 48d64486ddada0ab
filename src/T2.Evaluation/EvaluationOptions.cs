using T2.Llama;
using T2.Runtime;
using T2.Tasks;

namespace T2.Evaluation;

/// <summary>How an evaluation runs.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Where its records and reports go; made if need be. What is there already is not computed again.</summary>
    public required string Folder { get; init; }

    /// <summary>Answers under way at a time.</summary>
    public int Sequences { get; init; } = 64;

    /// <summary>Most tokens of a question and its answer; 0 = what the tasks need, at most the model's context.</summary>
    public int ContextLength { get; init; }

    /// <summary>Threads for decoding; 0 = as many as suit the model.</summary>
    public int Threads { get; init; }

    /// <summary>How questions become prompts.</summary>
    public ChatFormat Format { get; init; } = ChatFormat.Auto;

    /// <summary>How tokens are chosen.</summary>
    public LlamaSamplingOptions Sampling { get; init; } = LlamaSamplingOptions.Greedy;

    /// <summary>Decides all sampling, item by item.</summary>
    public ulong Seed { get; init; }

    /// <summary>Questions that pass 1 takes at a time.</summary>
    public int DispatchBatch { get; init; } = 64;

    /// <summary>Answers judged at a time, for verifiers that run programs.</summary>
    public int Judges { get; init; } = Environment.ProcessorCount;

    /// <summary>Makes a task's verifier. The default refuses to run commands that a task file brings along.</summary>
    public Func<TaskSet, IVerifier> Verifier { get; init; } = static task => Tasks.Verifier.RunsCommands(task.Verifier)
        ? throw new ArgumentException($"Task '{task.Name}' wants to run the command \"{task.Verifier}\" to judge answers; that needs consent.")
        : Tasks.Verifier.Create(task.Verifier);
}
