namespace T2.Kernels.Gpu;

/// <summary>C += A·B on row-major fp32 matrices in one of the arithmetics of <see cref="RebuildPrecision"/>; operands are rounded and padded as it needs.</summary>
internal sealed class DeviceProduct
{
    private readonly IGpuDevice _device;
    private readonly GpuKernel _kernel;
    private readonly GpuKernel? _pack;
    private readonly int _valueBytes;

    public DeviceProduct(IGpuDevice device, RebuildPrecision precision)
    {
        _device = device;
        if (precision == RebuildPrecision.Auto)
            precision = device.HasTensorCores ? RebuildPrecision.Half : RebuildPrecision.Single;
        if (precision != RebuildPrecision.Single && !device.HasTensorCores)
            throw new NotSupportedException($"{device.Name} has no tensor cores of sm_80; {precision} needs them, {RebuildPrecision.Single} does not.");
        (_kernel, _pack, _valueBytes) = precision switch
        {
            RebuildPrecision.Half => (GpuKernels.MmaHalf, GpuKernels.PackHalf, 2),
            RebuildPrecision.BFloat => (GpuKernels.MmaBFloat, GpuKernels.PackBFloat, 2),
            RebuildPrecision.Tf32 => (GpuKernels.MmaTf32, GpuKernels.PackTf32, 4),
            _ => (GpuKernels.AddProduct, (GpuKernel?)null, 4),
        };
    }

    private int DepthStep => KernelShape.MmaDepthBytes / _valueBytes;

    /// <summary>Bytes of A as an operand, rows × depth.</summary>
    public long BytesOfA(int rows, int depth) => _pack is null
        ? (long)rows * depth * sizeof(float)
        : (long)RoundUp(rows, KernelShape.MmaTile) * RoundUp(depth, DepthStep) * _valueBytes;

    /// <summary>Bytes of B as an operand, depth × columns.</summary>
    public long BytesOfB(int depth, int columns) => _pack is null
        ? (long)depth * columns * sizeof(float)
        : (long)RoundUp(depth, DepthStep) * RoundUp(columns, KernelShape.MmaTile) * _valueBytes;

    public void PackA(DevicePointer source, int rows, int depth, DevicePointer operand) =>
        Pack(source, rows, depth, operand, RoundUp(rows, KernelShape.MmaTile), RoundUp(depth, DepthStep));

    public void PackB(DevicePointer source, int depth, int columns, DevicePointer operand) =>
        Pack(source, depth, columns, operand, RoundUp(depth, DepthStep), RoundUp(columns, KernelShape.MmaTile));

    public void Add(DevicePointer a, DevicePointer b, DevicePointer c, int rows, int columns, int depth)
    {
        if (_pack is null)
        {
            _device.Launch(
                _kernel, DeviceTypes.Blocks(columns, KernelShape.Tile), DeviceTypes.Blocks(rows, KernelShape.Tile),
                [
                    KernelArgument.View(a, (long)rows * depth), depth, KernelArgument.View(b, (long)depth * columns), columns,
                    KernelArgument.View(c, (long)rows * columns), columns, rows, columns, depth, 1f, 1,
                ]);
            return;
        }
        _device.Launch(
            _kernel, DeviceTypes.Blocks(columns, KernelShape.MmaTile), DeviceTypes.Blocks(rows, KernelShape.MmaTile),
            [
                KernelArgument.Address(a), RoundUp(depth, DepthStep) * _valueBytes,
                KernelArgument.Address(b), RoundUp(columns, KernelShape.MmaTile) * _valueBytes,
                KernelArgument.Address(c), columns, rows, columns, RoundUp(depth, DepthStep) / DepthStep,
            ]);
    }

    private void Pack(DevicePointer source, int rows, int columns, DevicePointer operand, int paddedRows, int paddedColumns)
    {
        if (_pack is null)
        {
            _device.Copy(source, operand, (long)rows * columns * sizeof(float));
            return;
        }
        _device.Launch(
            _pack, DeviceTypes.Blocks(paddedColumns, KernelShape.Threads), Math.Min(paddedRows, 65535),
            [
                KernelArgument.View(source, (long)rows * columns), columns, rows, columns,
                KernelArgument.View(operand, (long)paddedRows * paddedColumns * _valueBytes), paddedRows, paddedColumns,
            ]);
    }

    private static int RoundUp(int value, int step) => (value + step - 1) / step * step;
}
