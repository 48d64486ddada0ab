namespace T2.Cli;

/// <summary>What <c>t2 kernels --json</c> writes.</summary>
internal sealed record KernelsReport(IReadOnlyList<KernelReport> Kernels);

/// <summary>One kernel of the registry.</summary>
internal sealed record KernelReport(string Name, bool Available, bool Used, string Reason);
