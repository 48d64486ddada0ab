using T2.Gguf;

namespace T2.Kernels.Gpu;

/// <summary>Reads a panel of a weight as fp32 and stores it back: rows × columns from a row and a column on, both whole blocks.</summary>
internal sealed class DeviceTypes(IGpuDevice device)
{
    private const int MaxGridY = 65535;

    public void Read(DevicePointer source, TensorType type, int rowLength, int firstColumn, DevicePointer destination, int rows, int columns)
    {
        var info = TensorTypes.Info(type);
        var stride = (int)info.BytesFor(rowLength);
        device.Launch(
            GpuKernels.Dequantize(type), Blocks(columns, KernelShape.Threads), Math.Min(rows, MaxGridY),
            [
                KernelArgument.View(source, (long)rows * stride), stride, (int)info.BytesFor(firstColumn),
                KernelArgument.View(destination, (long)rows * columns), columns, rows, columns,
            ]);
    }

    public void Store(DevicePointer source, TensorType type, int rowLength, int firstColumn, DevicePointer destination, int rows, int columns)
    {
        var info = TensorTypes.Info(type);
        var stride = (int)info.BytesFor(rowLength);
        var kernel = GpuKernels.Quantize(type);
        var (gridX, gridY) = info.BlockLength == 1
            ? (Blocks(columns, KernelShape.Threads), Math.Min(rows, MaxGridY))
            : ((int)(((long)rows * columns / RunLength(type) + KernelShape.QuantizeThreads - 1) / KernelShape.QuantizeThreads), 1);
        device.Launch(
            kernel, gridX, gridY,
            [
                KernelArgument.View(source, (long)rows * columns), columns,
                KernelArgument.View(destination, (long)rows * stride), stride, (int)info.BytesFor(firstColumn), rows, columns,
            ]);
    }

    public static int Blocks(int values, int perBlock) => (values + perBlock - 1) / perBlock;

    private static int RunLength(TensorType type) => type == TensorType.Q6_K ? KernelShape.QuantizeRun / 2 : KernelShape.QuantizeRun;
}
