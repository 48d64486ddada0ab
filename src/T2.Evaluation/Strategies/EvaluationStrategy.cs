using System.Security.Cryptography;
using System.Text;
using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime;

namespace T2.Evaluation;

/// <summary>A way to answer a task's questions.</summary>
public abstract record EvaluationStrategy
{
    private protected EvaluationStrategy(string name, string identity)
    {
        Name = name;
        Identity = identity;
    }

    /// <summary>Short name: what tables and records call it.</summary>
    public string Name { get; }

    /// <summary>Changes when the strategy would answer differently: a resumed run refuses answers of another one of the same name.</summary>
    public string Identity { get; }

    /// <summary>The expert it always answers with; null where there is none.</summary>
    public virtual Expert? Expert => null;

    /// <summary>Whether it may put the weights on an expert.</summary>
    public virtual bool ChangesWeights => Expert is not null;

    /// <summary>The base weights.</summary>
    public static EvaluationStrategy Base { get; } = new FixedStrategy("base", "", null);

    /// <summary>One expert, or a mixture, for every question.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="expert">The expert.</param>
    public static EvaluationStrategy Fixed(string name, Expert expert) => new FixedStrategy(name, IdentityOf(expert), expert);

    /// <summary>For each task weights of its own, such as a mixture found by a few examples of it.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="experts">By task's name; null = the base. Read when the evaluation runs, and must have all of its tasks then.</param>
    public static EvaluationStrategy PerTask(string name, IReadOnlyDictionary<string, Expert?> experts)
    {
        ArgumentNullException.ThrowIfNull(experts);
        return new PerTaskStrategy(name, experts);
    }

    /// <summary>A LoRA adapter on the base weights.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="adapter">The adapter; must outlive the evaluation.</param>
    /// <exception cref="IOException">The adapter's file cannot be read.</exception>
    public static EvaluationStrategy Lora(string name, LlamaLoraAdapter adapter)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        using var file = File.OpenRead(adapter.Path);
        return new LoraStrategy(name, Short(SHA256.HashData(file)), adapter);
    }

    /// <summary>Two passes: the expert is chosen question by question among those of the model's library.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="dispatch">Chooses.</param>
    /// <param name="library">The experts to choose from.</param>
    /// <param name="settings">Settings of <paramref name="dispatch"/> that change what it chooses, as text.</param>
    public static EvaluationStrategy Dispatched(string name, IDispatchStrategy dispatch, ExpertLibrary library, string settings = "")
    {
        ArgumentNullException.ThrowIfNull(dispatch);
        ArgumentNullException.ThrowIfNull(library);
        var text = new StringBuilder(dispatch.Name).Append('\n').Append(settings);
        foreach (var expert in library.Experts)
            text.Append('\n').Append(expert.Name).Append('\t').Append(expert.Description).Append('\t').Append(IdentityOf(expert));
        return new DispatchedStrategy(name, Short(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))), dispatch);
    }

    /// <summary>What the strategy is for each of some tasks: what it is called there, and what changes when it would answer differently.</summary>
    internal virtual IEnumerable<(string Name, string Identity)> Identities(IEnumerable<string> tasks) => [(Name, Identity)];

    internal static string Short(ReadOnlySpan<byte> hash) => Convert.ToHexStringLower(hash[..12]);

    private protected static string IdentityOf(Expert expert)
    {
        ArgumentNullException.ThrowIfNull(expert);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (weight, z) in expert.Vectors.OrderBy(static vector => vector.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(weight));
            hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(z.Span));
        }
        return Short(hash.GetHashAndReset());
    }
}

/// <summary>The same weights for every question; null = the base.</summary>
internal sealed record FixedStrategy(string Called, string Hash, Expert? Only) : EvaluationStrategy(Called, Hash)
{
    public override Expert? Expert => Only;
}

/// <summary>Weights of its own for each task; null = the base.</summary>
internal sealed record PerTaskStrategy(string Called, IReadOnlyDictionary<string, Expert?> Experts) : EvaluationStrategy(Called, "")
{
    public override bool ChangesWeights => true;

    internal override IEnumerable<(string Name, string Identity)> Identities(IEnumerable<string> tasks) =>
        tasks.Select(task => ($"{Name} for {task}", Experts[task] is { } expert ? IdentityOf(expert) : ""));
}

/// <summary>A LoRA adapter on the base weights.</summary>
internal sealed record LoraStrategy(string Called, string Hash, LlamaLoraAdapter Adapter) : EvaluationStrategy(Called, Hash);

/// <summary>An expert chosen for each question.</summary>
internal sealed record DispatchedStrategy(string Called, string Hash, IDispatchStrategy Dispatch) : EvaluationStrategy(Called, Hash)
{
    public override bool ChangesWeights => true;
}
