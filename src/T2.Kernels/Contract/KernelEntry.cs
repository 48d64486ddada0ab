namespace T2.Kernels;

/// <summary>One kernel of the <see cref="KernelRegistry"/>.</summary>
/// <param name="Name">Short lower-case name, as <c>--kernel</c> and <c>T2_KERNEL</c> take it.</param>
/// <param name="Reason">Why it ranks where it does, in one line for <c>--help</c> and <c>docs/</c>.</param>
/// <param name="IsAvailable">Whether this machine can run it. Cheap, never throws.</param>
/// <param name="Create">Makes the kernel; where <paramref name="IsAvailable"/> is false, throws what says why.</param>
public sealed record KernelEntry(string Name, string Reason, Func<bool> IsAvailable, Func<IWeightKernel> Create);
