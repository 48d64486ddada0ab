using System.CommandLine;

namespace T2.Cli;

/// <summary><c>t2 train</c>: the commands that make experts, their baselines, and bases.</summary>
internal static class TrainCommand
{
    internal static Command Create(Shell shell) => new DocumentedCommand("train", "Train experts for a model on tasks of your own; LoRA adapters to compare with; small models from scratch.")
    {
        TrainAdapterCommand.CreateSvf(shell),
        TrainAdapterCommand.CreateLora(shell),
        TrainSearchCommand.Create(shell),
        TrainClassifierCommand.Create(shell),
        TrainBaseCommand.Create(shell),
    };
}
