namespace T2.Cli;

/// <summary>What a command has around it.</summary>
/// <param name="Terminal">Where it writes.</param>
/// <param name="Interrupts">What stops it.</param>
internal sealed record Shell(Terminal Terminal, Interrupts Interrupts);
