using System.CommandLine;

namespace T2.Recipes;

/// <summary>The command line: one command for everything, or stages of it.</summary>
internal static class RecipeCommand
{
    private static readonly Option<string> Work = new("--work") { Description = "Folder for checkpoints, logs, data and evaluations.", DefaultValueFactory = static _ => "artifacts/recipe" };

    private static readonly Option<string> Output = new("--out") { Description = "Folder for the files to ship.", DefaultValueFactory = static _ => "models/bundled" };

    private static readonly Option<int> Seed = new("--seed") { Description = "Seed of the weights and the text.", DefaultValueFactory = static _ => 1 };

    private static readonly Option<long> Steps = new("--steps") { Description = "Steps of pre-training on the first part of the corpus.", DefaultValueFactory = static _ => 2200 };

    private static readonly Option<long> SecondSteps = new("--second-steps") { Description = "Steps on its second part.", DefaultValueFactory = static _ => 2000 };

    private static readonly Option<int> Batch = new("--batch-tokens") { Description = "Tokens of a step of pre-training.", DefaultValueFactory = static _ => 2048 };

    private static readonly Option<int> Threads = new("--threads") { Description = "Threads; no result depends on it.", DefaultValueFactory = static _ => Environment.ProcessorCount };

    /// <summary>Runs the recipe.</summary>
    public static Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand("Makes the bundled model from seeds.");
        root.Subcommands.Add(Stage("base", "Pre-trains the base model (resumes from its checkpoint).", Pretraining.Run));
        root.Subcommands.Add(Stage("second", "Pre-trains a base of the next seed in the work folder, for carrying experts over.", Pretraining.RunSecond));
        root.Subcommands.Add(Stage("data", "Writes the task files.", DataSets.Write));
        root.Subcommands.Add(Stage("experts", "Trains what is missing: experts, the classification expert, LoRA baselines.", ExpertTraining.Run));
        root.Subcommands.Add(Stage("demonstration", "Chooses what 't2 run' shows without a question.", DemonstrationQuestions.Write));
        root.Subcommands.Add(Stage("all", "All of it, in order; what is there already is left alone.", static (options, log, cancellation) =>
        {
            foreach (var stage in new Action<RecipeOptions, TextWriter, CancellationToken>[]
            {
                Pretraining.Run, DataSets.Write, ExpertTraining.Run, DemonstrationQuestions.Write, Pretraining.RunSecond, Evidence.Run, AdaptationEvidence.Run,
            })
                stage(options, log, cancellation);
        }));
        root.Subcommands.Add(Stage("evidence", "Measures everything on everything and writes tables.md into the work folder.", Evidence.Run));
        root.Subcommands.Add(Stage("adaptation", "Measures the ways of adapting, on this base and on the second, and writes adaptation.md.", AdaptationEvidence.Run));
        return root.Parse(args).InvokeAsync();
    }

    private static Command Stage(string name, string description, Action<RecipeOptions, TextWriter, CancellationToken> run)
    {
        var command = new Command(name, description);
        foreach (var option in new Option[] { Work, Output, Seed, Steps, SecondSteps, Batch, Threads })
            command.Options.Add(option);
        command.SetAction((parsed, cancellation) =>
        {
            run(Bind(parsed), Console.Out, cancellation);
            return Task.FromResult(0);
        });
        return command;
    }

    private static RecipeOptions Bind(ParseResult parsed) => new()
    {
        Work = parsed.GetRequiredValue(Work),
        Output = parsed.GetRequiredValue(Output),
        Seed = parsed.GetValue(Seed),
        Steps = parsed.GetValue(Steps),
        SecondSteps = parsed.GetValue(SecondSteps),
        BatchTokens = parsed.GetValue(Batch),
        Threads = parsed.GetValue(Threads),
    };
}
