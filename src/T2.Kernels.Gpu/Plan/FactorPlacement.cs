namespace T2.Kernels.Gpu;

/// <summary>Where a weight's factors live and where it is rebuilt.</summary>
public enum FactorPlacement
{
    /// <summary>Factors stay in device memory; a rebuild uploads only the pristine weight.</summary>
    Resident,

    /// <summary>Factors stay in page-locked host memory and are uploaded for each rebuild, while the weight before is being rebuilt.</summary>
    Streamed,

    /// <summary>The weight is rebuilt on the CPU and uploaded.</summary>
    Cpu,
}
