using System.CommandLine;
using T2.Training;

namespace T2.Cli;

/// <summary><c>t2 train cem</c>.</summary>
internal static class TrainSearchCommand
{
    internal static Command Create(Shell shell)
    {
        var weights = TrainingFlags.Weights("mlp");
        var grouping = TrainingFlags.OneOf("--group", "Which weights share their numbers: none, those of a block, those of a kind.", "weight", "layer", "kind");
        var bands = Numbers.Whole("--bands", [], "Numbers a group: its spectrum is cut into so many bands.", 1, 4096, 4);
        var generations = Numbers.Whole("--generations", ["-n"], "Generations to search.", 1, int.MaxValue, 30);
        var population = Numbers.Whole("--population", [], "Candidates a generation.", 3, 100_000, 32);
        var elites = Numbers.Whole("--elites", [], "Candidates the next generation is drawn around.", 2, 99_999, 8);
        var deviation = Numbers.Real("--deviation", "How far from z = 1 the first generation is drawn.", 1e-4f, 10, 0.1f);
        var smoothing = Numbers.Real("--smoothing", "Share of the old mean and deviation in the new ones.", 0, 0.99f, 0.3f);
        var penalty = Numbers.Real("--penalty", "Taken off a candidate's score for the mean square of z - 1.", 0, 1e6f, 1);
        var every = Numbers.Whole("--validate-every", [], "Generations between two validations.", 1, int.MaxValue, 5);
        var patience = Numbers.Whole("--patience", [], "Validations without a better one before the run ends; 0 = never.", 0, int.MaxValue, 4);
        var command = new DocumentedCommand("cem", "Train an expert without gradients, by the cross-entropy method: any architecture llama.cpp runs, quantised or not.")
        {
            Notes = """
                A candidate's score is the share of a generation's questions it gets right. Few numbers search best: --group and --bands set how many.
                Ctrl-C keeps a checkpoint; --resume goes on. The validation score picks the best generation, so it flatters: measure on a third set with 't2 eval'.
                """,
            Examples =
            [
                ("Any model:", "t2 train cem -m model.gguf --task questions.jsonl -o math.gguf"),
                ("Fewer numbers, for a slow model:", "t2 train cem -m model.gguf --task questions.jsonl -o math.gguf --group kind --bands 2 --population 16 --elites 4 --batch 32"),
            ],
        };
        TrainingFlags.AddTo(command, [weights, TrainingFlags.Layers, grouping, bands, generations, population, elites, deviation, smoothing, penalty, TrainingFlags.Batch, every, patience]);
        command.SetAction((parsed, cancellation) =>
        {
            var options = new SearchOptions
            {
                Weights = new WeightSelection(parsed.GetRequiredValue(weights), parsed.GetValue(TrainingFlags.Layers)),
                Grouping = parsed.GetValue(grouping) switch
                {
                    "layer" => SpectrumGrouping.Layer,
                    "kind" => SpectrumGrouping.Kind,
                    _ => SpectrumGrouping.Weight,
                },
                Bands = parsed.GetValue(bands),
                Generations = parsed.GetValue(generations),
                Population = parsed.GetValue(population),
                Elites = parsed.GetValue(elites),
                Deviation = TrainingFlags.Plain(parsed.GetValue(deviation)),
                Smoothing = TrainingFlags.Plain(parsed.GetValue(smoothing)),
                Penalty = TrainingFlags.Plain(parsed.GetValue(penalty)),
                Batch = parsed.GetValue(TrainingFlags.Batch),
                ValidateEvery = parsed.GetValue(every),
                Patience = parsed.GetValue(patience),
                Seed = TrainingFlags.SeedOf(parsed),
            };
            TrainingFlags.Check(options.Validate);
            var request = TrainingFlags.Fill(
                new SearchRequest
                {
                    ModelPath = parsed.GetRequiredValue(SharedOptions.Model),
                    OutputPath = parsed.GetRequiredValue(TrainingFlags.Out),
                    Task = TrainingFlags.ReadTask(shell.Terminal, parsed),
                    Options = options,
                },
                parsed);
            return TrainingConsole.RunAsync(shell, parsed, request, (progress, factoring, stop) => ForwardTraining.RunAsync(request, progress, factoring, stop), cancellation);
        });
        return command;
    }
}
