namespace T2.Kernels;

/// <summary>How far the factorisation of a model has come.</summary>
/// <param name="Completed">Matrices that are done, those of earlier runs included.</param>
/// <param name="Total">Matrices asked for.</param>
/// <param name="Fraction">Share of the work that is done, in [0, 1], weighted by floating-point operations.</param>
/// <param name="Elapsed">Time since this run began.</param>
/// <param name="Remaining">Estimated time left; null until something has been computed in this run.</param>
/// <param name="WeightName">The weight begun or finished last; null before the first.</param>
/// <param name="Note">Something the user should know (waiting for another process, a stale file discarded); null in ordinary reports.</param>
public sealed record FactorProgress(int Completed, int Total, double Fraction, TimeSpan Elapsed, TimeSpan? Remaining, string? WeightName, string? Note);
