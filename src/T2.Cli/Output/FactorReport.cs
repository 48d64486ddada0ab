namespace T2.Cli;

/// <summary>What <c>t2 factor --json</c> writes.</summary>
/// <param name="FullSvdBytes">Size of U, σ and V of the same weights in fp32.</param>
/// <param name="Seconds">Wall time of this run, which may only have completed an earlier one.</param>
internal sealed record FactorReport(string File, int Weights, long Bytes, long FullSvdBytes, double Seconds, string Kernel);
