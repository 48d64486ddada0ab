using System.CommandLine;
using T2.Runtime.Search;
using T2.Tasks;

namespace T2.Cli;

/// <summary>The options of a few-shot search, and what they stand for.</summary>
internal static class SearchFlags
{
    internal static readonly Option<string?> Shots = new("--shots")
    {
        Description = "Examples of the task: a JSONL file, one {\"prompt\":…,\"answer\":…} a line. The first --shot-count are used.",
        HelpName = "FILE",
    };

    internal static readonly Option<int?> ShotCount = Numbers.Optional("--shot-count", [], "Examples the mixture is chosen by. [default: 10; 3 with --light; at most what the file has]", 1, 4096);

    internal static readonly Option<bool> Light = new("--light") { Description = "The paper's cheap search: 3 shots, 10 generations." };

    internal static readonly Option<string?> Validation = new("--validation") { Description = "Other questions of the task, to judge the result by; never to choose it.", HelpName = "FILE" };

    internal static readonly Option<string?> Verifier = new("--verifier")
    {
        Description = "How answers are judged: exact, numeric, choice, or command:PROGRAM. [default: the task's own]",
        HelpName = "VERIFIER",
    };

    internal static readonly Option<int?> Generations = Numbers.Optional("--generations", [], "Generations. [default: 100; 10 with --light]", 1, 100_000);

    internal static readonly Option<int> Population = Numbers.Whole("--population", [], "Candidates of a generation.", 2, 100_000, 32);

    internal static readonly Option<int> Elites = Numbers.Whole("--elites", [], "Candidates the next generation is drawn from.", 2, 100_000, 6);

    internal static readonly Option<float> Deviation = Numbers.Real("--deviation", "Deviation of the first generation around equal shares.", 0.0001f, 100, 0.5f);

    internal static readonly Option<bool> PerWeight = new("--per-weight") { Description = "Shares of its own for each layer and matrix, instead of one per expert. Every candidate is rebuilt." };

    internal static readonly Option<bool> Normalise = new("--normalise") { Description = "Shares that add up to 1. Otherwise the rest is the base's." };

    internal static readonly Option<int> Seed = Numbers.Whole("--seed", ["-s"], "Begins the random numbers; the same seed finds the same mixture.", 0, int.MaxValue, 0);

    /// <summary>The same where <c>--seed</c> means another.</summary>
    internal static readonly Option<int> SearchSeed = Numbers.Whole("--search-seed", [], "Begins the random numbers of the searches for strategy 'fewshot'.", 0, int.MaxValue, 0);

    internal static readonly Option<string?> State = new("--state") { Description = "Where the search is kept after each generation, to be gone on with.", HelpName = "FILE" };

    /// <summary>The search that options of a command stand for; those it lacks have their defaults.</summary>
    internal static FewShotRequest Read(ParseResult parsed)
    {
        string? verifier = parsed.GetValue(Verifier);
        var task = Load(parsed.GetValue(Shots) ?? throw new UsageException("A search needs examples of the task (--shots FILE)."), verifier);
        var validation = parsed.GetValue(Validation) is { } file ? Load(file, verifier ?? task.Verifier) : null;
        return new FewShotRequest(task, validation, Options(parsed, task.Items.Count) with { StatePath = parsed.GetValue(State) });
    }

    /// <summary>How to search for a task of which there are so many examples.</summary>
    internal static FewShotOptions Options(ParseResult parsed, int examples)
    {
        var defaults = parsed.GetValue(Light) ? FewShotOptions.Light : new FewShotOptions();
        int elites = Given(parsed, Elites) ?? defaults.Elites;
        int population = Given(parsed, Population) ?? defaults.Population;
        if (elites > population)
            throw new UsageException($"--elites {elites} is more than the --population {population}.");
        return defaults with
        {
            Shots = parsed.GetValue(ShotCount) ?? Math.Min(defaults.Shots, examples),
            Generations = parsed.GetValue(Generations) ?? defaults.Generations,
            Population = population,
            Elites = elites,
            Deviation = parsed.GetResult(Deviation) is null ? defaults.Deviation : parsed.GetValue(Deviation),
            PerWeight = parsed.GetValue(PerWeight),
            Normalise = parsed.GetValue(Normalise),
            Seed = (ulong)(Given(parsed, SearchSeed) ?? Given(parsed, Seed) ?? 0),
        };
    }

    /// <summary>An option's value, its default included; null for a command that lacks the option.</summary>
    private static int? Given(ParseResult parsed, Option<int> option) => parsed.GetResult(option) is null ? null : parsed.GetValue(option);

    private static TaskSet Load(string file, string? verifier)
    {
        try
        {
            if (verifier is not null)
                Tasks.Verifier.Create(verifier);
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
        var task = TaskSet.Load(file, verifier);
        // A task may come from somebody else; what it runs is typed by whoever runs it.
        return verifier is null && Tasks.Verifier.RunsCommands(task.Verifier)
            ? throw new UsageException($"The verifier of {file} runs a program ({task.Verifier}); give it with --verifier to let it.")
            : task;
    }
}
