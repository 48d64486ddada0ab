namespace T2.Cli;

/// <summary>What <c>t2 expert transfer --json</c> writes.</summary>
/// <param name="From">Fingerprint of the base the expert was made for.</param>
/// <param name="To">Fingerprint of the base it is for now.</param>
/// <param name="Vectors">Vectors of the expert.</param>
/// <param name="Resampled">Of these, vectors whose length had to change.</param>
internal sealed record TransferReport(string Output, string Expert, string From, string To, int Vectors, int Resampled);
