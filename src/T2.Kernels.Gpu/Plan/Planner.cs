using T2.Gguf;

namespace T2.Kernels.Gpu;

/// <summary>
/// Gives every weight the best placement that fits. First those the kernels cannot handle go to the CPU; then, while even streaming does not fit, the most
/// demanding; what memory is left then holds factors, in file order; streamed factors beyond the page-locked allowance go to the CPU too.
/// </summary>
/// <param name="budget">Device memory beside the model and the reserve; may be negative.</param>
/// <param name="options">What the plan may use.</param>
internal sealed class Planner(long budget, GpuPlanOptions options)
{
    private PlannedWeight[] _weights = [];

    public PlannedWeight[] Run(IReadOnlyList<(string Name, TensorType Type, MatrixShape Shape)> weights)
    {
        _weights = [.. weights.Select(Handled)];
        DropWhatCannotBeStreamed();
        if (options.Best == FactorPlacement.Resident)
            KeepWhatFits();
        LimitPinnedMemory();
        return _weights;
    }

    private PlannedWeight Handled((string Name, TensorType Type, MatrixShape Shape) weight)
    {
        var (name, type, shape) = weight;
        if (options.Best == FactorPlacement.Cpu)
            return new PlannedWeight(name, type, shape, FactorPlacement.Cpu, "as asked");
        if (!GpuKernels.RebuildableTypes.Contains(type))
            return new PlannedWeight(name, type, shape, FactorPlacement.Cpu, $"no GPU kernel stores {TensorTypes.Info(type).Name}");
        if (shape.Length * sizeof(float) > int.MaxValue)
            return new PlannedWeight(name, type, shape, FactorPlacement.Cpu, "larger than the GPU kernels address");
        return new PlannedWeight(name, type, shape, FactorPlacement.Streamed, options.Best == FactorPlacement.Streamed ? "as asked" : "no room to keep the factors on the GPU");
    }

    private void DropWhatCannotBeStreamed()
    {
        while (Fixed() > budget)
        {
            var largest = -1;
            for (var i = 0; i < _weights.Length; i++)
            {
                if (_weights[i].Placement == FactorPlacement.Streamed && (largest < 0 || Demand(_weights[i]) > Demand(_weights[largest])))
                    largest = i;
            }
            if (largest < 0)
                return;
            _weights[largest] = _weights[largest] with
            {
                Placement = FactorPlacement.Cpu,
                Reason = budget < 0 ? "the model leaves no room on the GPU" : "a rebuild's work space does not fit the GPU",
            };
        }
    }

    private void KeepWhatFits()
    {
        // If everything fits without streaming, the slots need no room for factors; else they keep what they have, which only wastes a little.
        var all = Array.ConvertAll(_weights, static weight => weight.Placement == FactorPlacement.Streamed ? Resident(weight) : weight);
        var kept = all.Where(static weight => weight.Placement == FactorPlacement.Resident).Sum(static weight => weight.FactorBytes);
        if (PlanMemory.Workspace(all) + (2 * PlanMemory.Slot(all)) + kept <= budget)
        {
            _weights = all;
            return;
        }
        var left = budget - Fixed();
        for (var i = 0; i < _weights.Length; i++)
        {
            if (_weights[i].Placement != FactorPlacement.Streamed || _weights[i].FactorBytes > left)
                continue;
            left -= _weights[i].FactorBytes;
            _weights[i] = Resident(_weights[i]);
        }
    }

    private void LimitPinnedMemory()
    {
        var left = options.PinnedBytes;
        for (var i = 0; i < _weights.Length; i++)
        {
            if (_weights[i].Placement != FactorPlacement.Streamed)
                continue;
            if (_weights[i].FactorBytes <= left)
                left -= _weights[i].FactorBytes;
            else
                _weights[i] = _weights[i] with { Placement = FactorPlacement.Cpu, Reason = "factors fit neither the GPU nor the page-locked allowance" };
        }
    }

    private long Fixed() => PlanMemory.Workspace(_weights) + (2 * PlanMemory.Slot(_weights));

    private static long Demand(PlannedWeight weight) => GpuWeightKernel.RebuildBytes(weight.Shape) + (2 * PlanMemory.SlotOf(weight));

    private static PlannedWeight Resident(PlannedWeight weight) => weight with { Placement = FactorPlacement.Resident, Reason = "" };
}
