namespace T2.Recipes;

/// <summary>What the recipe makes, where, and how long it may take.</summary>
internal sealed record RecipeOptions
{
    /// <summary>Where checkpoints, logs, data sets and evaluations go.</summary>
    public required string Work { get; init; }

    /// <summary>Where the files to be shipped go.</summary>
    public required string Output { get; init; }

    /// <summary>Decides the weights' start and the text.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Steps of pre-training on the first part of the corpus.</summary>
    public long Steps { get; init; } = 2200;

    /// <summary>Steps on the second.</summary>
    public long SecondSteps { get; init; } = 2000;

    /// <summary>Tokens of a step of pre-training.</summary>
    public int BatchTokens { get; init; } = 2048;

    /// <summary>Threads. No result depends on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The base model's file.</summary>
    public string Model => Path.Combine(Output, "t2-mini.gguf");

    /// <summary>The vocabulary's file.</summary>
    public string Template => Path.Combine(Work, "template.gguf");

    /// <summary>A data set's file.</summary>
    public string Data(string name) => Path.Combine(Work, "tasks", name + ".jsonl");

    /// <summary>A skill's shipped expert, trained by policy gradient.</summary>
    public string Expert(string skill) => Path.Combine(Output, "experts", skill + ".gguf");

    /// <summary>A skill's shipped LoRA adapter, trained by likelihood.</summary>
    public string Lora(string skill) => Path.Combine(Output, "loras", skill + ".gguf");

    /// <summary>The shipped classification expert.</summary>
    public string Classifier => Path.Combine(Output, "experts", "dispatch.gguf");

    /// <summary>An adapter that is trained for comparison only.</summary>
    /// <param name="family">What it has in common with others, such as "svf-next-token".</param>
    /// <param name="skill">Its skill.</param>
    public string Compared(string family, string skill) => Path.Combine(Work, "compared", family, skill + ".gguf");

    /// <summary>A base of the same recipe from the next seed, which experts are carried over to.</summary>
    public string SecondModel => Second.Model;

    /// <summary>The same recipe for that second base.</summary>
    public RecipeOptions Second => this with { Seed = Seed + 1, Work = Path.Combine(Work, "second"), Output = Path.Combine(Work, "second") };
}
