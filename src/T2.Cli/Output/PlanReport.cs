using T2.Gguf;
using T2.Kernels.Gpu;

namespace T2.Cli;

/// <summary>What <c>t2 plan --json</c> writes. Sizes in bytes.</summary>
/// <param name="KeepsBase">Whether the adapted weights' base stays on the device a second time.</param>
/// <param name="ExpertBytes">One rebuilt expert, or that copy of the base.</param>
/// <param name="Experts">Rebuilt experts that fit.</param>
/// <param name="FreeBytes">Device memory left over; negative where the model itself does not fit.</param>
/// <param name="PinnedBytes">Page-locked host memory that streamed factors take.</param>
internal sealed record PlanReport(
    string Model,
    bool Fits,
    long VramBytes,
    long ModelBytes,
    long ReservedBytes,
    long ResidentBytes,
    long WorkspaceBytes,
    long SlotBytes,
    bool KeepsBase,
    long ExpertBytes,
    long Experts,
    long FreeBytes,
    long PinnedBytes,
    int Resident,
    int Streamed,
    int Cpu,
    IReadOnlyList<PlannedWeightReport> Weights)
{
    internal static PlanReport Of(string model, GpuMemoryPlan plan) => new(
        model,
        plan.FreeBytes >= 0,
        plan.VramBytes,
        plan.ModelBytes,
        plan.ReservedBytes,
        plan.ResidentBytes,
        plan.WorkspaceBytes,
        plan.SlotBytes,
        plan.KeepsBase,
        plan.ExpertBytes,
        plan.Experts,
        plan.FreeBytes,
        plan.StreamedBytes,
        Count(plan, FactorPlacement.Resident),
        Count(plan, FactorPlacement.Streamed),
        Count(plan, FactorPlacement.Cpu),
        [.. plan.Weights.Select(PlannedWeightReport.Of)]);

    private static int Count(GpuMemoryPlan plan, FactorPlacement placement) => plan.Weights.Count(weight => weight.Placement == placement);
}

/// <summary>Where one weight's factors go.</summary>
/// <param name="Factors">resident, streamed or cpu.</param>
/// <param name="Reason">Why not better; null for resident.</param>
internal sealed record PlannedWeightReport(string Name, string Type, int Rows, int Columns, long WeightBytes, long FactorBytes, string Factors, string? Reason)
{
    internal static PlannedWeightReport Of(PlannedWeight weight) => new(
        weight.Name,
        TensorTypes.Info(weight.Type).Name,
        weight.Shape.Rows,
        weight.Shape.Columns,
        weight.WeightBytes,
        weight.FactorBytes,
        weight.Placement.ToString().ToLowerInvariant(),
        weight.Reason.Length == 0 ? null : weight.Reason);
}
