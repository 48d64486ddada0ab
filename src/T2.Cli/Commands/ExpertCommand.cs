using System.CommandLine;

namespace T2.Cli;

/// <summary><c>t2 expert</c>: the commands on expert files.</summary>
internal static class ExpertCommand
{
    internal static Command Create(Shell shell) => new DocumentedCommand("expert", "Make, show, mix, transfer and check expert files.")
    {
        ExpertCreateCommand.Create(shell),
        ExpertShowCommand.Create(shell),
        ExpertMixCommand.Create(shell),
        ExpertTransferCommand.Create(shell),
        ExpertVerifyCommand.Create(shell),
    };
}
