namespace T2.Tasks;

/// <summary>How a program in the <see cref="Sandbox"/> ended.</summary>
/// <param name="ExitCode">Its exit code; null when it was ended for its time.</param>
/// <param name="Finished">Whether it ran to its last line.</param>
/// <param name="Complaint">The last line of its standard error; null when that is empty.</param>
public sealed record SandboxResult(int? ExitCode, bool Finished, string? Complaint);
