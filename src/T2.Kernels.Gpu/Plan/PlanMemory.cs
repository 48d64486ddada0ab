namespace T2.Kernels.Gpu;

/// <summary>Device memory that rebuilding a set of weights needs beside resident factors.</summary>
internal static class PlanMemory
{
    /// <summary>Work space of the largest rebuild on the device.</summary>
    public static long Workspace(IEnumerable<PlannedWeight> weights) =>
        OnDevice(weights).Select(static weight => GpuWeightKernel.RebuildBytes(weight.Shape)).DefaultIfEmpty().Max();

    /// <summary>One of the two slots: the largest pristine weight, if those are not kept, together with its factors where they are streamed.</summary>
    public static long Slot(IEnumerable<PlannedWeight> weights, bool keepsBase = false) =>
        OnDevice(weights).Select(weight => SlotOf(weight, keepsBase)).DefaultIfEmpty().Max();

    /// <summary>What one weight needs of a slot; its factors start at a multiple of 256 bytes.</summary>
    public static long SlotOf(PlannedWeight weight, bool keepsBase = false) =>
        (keepsBase ? 0 : AlignedWeightBytes(weight)) + (weight.Placement == FactorPlacement.Streamed ? weight.FactorBytes : 0);

    /// <summary>Where factors start in a slot, and the next weight in a block of weights.</summary>
    public static long AlignedWeightBytes(PlannedWeight weight) => DeviceArena.Aligned(weight.WeightBytes);

    /// <summary>All weights once more: a copy of the base, or one rebuilt expert.</summary>
    public static long AllWeights(IEnumerable<PlannedWeight> weights) => weights.Sum(AlignedWeightBytes);

    private static IEnumerable<PlannedWeight> OnDevice(IEnumerable<PlannedWeight> weights) => weights.Where(static weight => weight.Placement != FactorPlacement.Cpu);
}
