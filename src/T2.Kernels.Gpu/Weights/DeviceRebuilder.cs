using T2.Gguf;

namespace T2.Kernels.Gpu;

/// <summary>
/// W' = W + W·S (V kept) or W + S·W (U kept) with S = Σ(z−1)·b·bᵀ, a panel of W at a time: dequantise, multiply onto it, requantise into place. Panels are
/// rows of W where S stands right, columns where it stands left, so the work space beside S is one panel whatever the weight's size.
/// </summary>
/// <param name="device">Where everything is.</param>
/// <param name="panelLength">Rows or columns of a panel, a multiple of 256 so that it holds whole blocks of every type.</param>
internal sealed class DeviceRebuilder(IGpuDevice device, int panelLength = DeviceRebuilder.UsualPanel)
{
    /// <summary>Enough tiles to fill a GPU: 16 × 32 tiles of 128² for a row length of 4096.</summary>
    private const int UsualPanel = 2048;

    private readonly DeviceTypes _types = new(device);

    /// <summary>Work space of a rebuild of this shape, bytes, whatever the precision, without source, basis and destination.</summary>
    public static long WorkspaceBytes(MatrixShape shape)
    {
        // The lists of selected rows; S in fp32; S and a panel as operands, at most 4 bytes a value and padded to tiles; a panel in fp32.
        long rank = shape.Rank, padded = RoundUp(rank, KernelShape.MmaTile);
        long panel = Math.Min(UsualPanel, Math.Max(shape.Rows, shape.Columns)), paddedPanel = RoundUp(panel, KernelShape.MmaTile);
        return (2 * DeviceArena.Aligned(rank * sizeof(float)))
            + DeviceArena.Aligned(rank * rank * sizeof(float))
            + DeviceArena.Aligned(padded * padded * sizeof(float))
            + DeviceArena.Aligned(paddedPanel * padded * sizeof(float))
            + DeviceArena.Aligned(panel * rank * sizeof(float));
    }

    /// <param name="job">What to rebuild.</param>
    /// <param name="workspace">Where the work space comes from; the caller disposes it.</param>
    public void Run(in DeviceRebuildJob job, IDeviceMemory workspace)
    {
        DeviceJobChecks.Check(job);
        var changed = job.Shape.Rank - job.Z.Count(1f);
        if (changed == 0 && job.SourceType == job.DestinationType)
        {
            device.Copy(job.Source, job.Destination, TensorTypes.Info(job.SourceType).BytesFor(job.Shape.Columns) * job.Shape.Rows);
            return;
        }

        var product = new DeviceProduct(device, job.Precision);
        // With nothing changed only the type does: panels are read and stored.
        var square = changed == 0 ? DevicePointer.Null : FormSquare(job, changed, workspace);
        if (job.Shape.Side == FactorSide.Right)
            RebuildRows(job, product, square, workspace);
        else
            RebuildColumns(job, product, square, workspace);
    }

    private DevicePointer FormSquare(in DeviceRebuildJob job, int changed, IDeviceMemory workspace)
    {
        var rank = job.Shape.Rank;
        var selected = new int[changed];
        var delta = new float[changed];
        for (int i = 0, place = 0; i < rank; i++)
        {
            if (job.Z[i] == 1)
                continue;
            selected[place] = i;
            delta[place++] = (float)((double)job.Z[i] - 1);
        }
        var rows = workspace.Allocate((long)changed * sizeof(int));
        var scales = workspace.Allocate((long)changed * sizeof(float));
        var square = workspace.Allocate((long)rank * rank * sizeof(float));
        device.Upload<int>(selected, rows);
        device.Upload<float>(delta, scales);
        var tiles = DeviceTypes.Blocks(rank, KernelShape.Tile);
        device.Launch(
            GpuKernels.FormSquare, tiles, tiles,
            [
                KernelArgument.View(job.Basis, (long)rank * rank), KernelArgument.View(rows, changed), KernelArgument.View(scales, changed),
                KernelArgument.View(square, (long)rank * rank), rank, changed,
            ]);
        return square;
    }

    private void RebuildRows(in DeviceRebuildJob job, DeviceProduct product, DevicePointer square, IDeviceMemory workspace)
    {
        int rows = job.Shape.Rows, columns = job.Shape.Columns;
        var panelRows = Math.Min(panelLength, rows);
        var panel = workspace.Allocate((long)panelRows * columns * sizeof(float));
        var left = DevicePointer.Null;
        var right = DevicePointer.Null;
        if (square != DevicePointer.Null)
        {
            left = workspace.Allocate(product.BytesOfA(panelRows, columns));
            right = workspace.Allocate(product.BytesOfB(columns, columns));
            product.PackB(square, columns, columns, right);
        }
        var sourceRow = TensorTypes.Info(job.SourceType).BytesFor(columns);
        var destinationRow = TensorTypes.Info(job.DestinationType).BytesFor(columns);
        for (var first = 0; first < rows; first += panelRows)
        {
            var count = Math.Min(panelRows, rows - first);
            _types.Read(job.Source + (first * sourceRow), job.SourceType, columns, 0, panel, count, columns);
            if (square != DevicePointer.Null)
            {
                product.PackA(panel, count, columns, left);
                product.Add(left, right, panel, count, columns, columns);
            }
            _types.Store(panel, job.DestinationType, columns, 0, job.Destination + (first * destinationRow), count, columns);
        }
    }

    private void RebuildColumns(in DeviceRebuildJob job, DeviceProduct product, DevicePointer square, IDeviceMemory workspace)
    {
        int rows = job.Shape.Rows, columns = job.Shape.Columns;
        var panelColumns = Math.Min(panelLength, columns);
        var panel = workspace.Allocate((long)rows * panelColumns * sizeof(float));
        var left = DevicePointer.Null;
        var right = DevicePointer.Null;
        if (square != DevicePointer.Null)
        {
            left = workspace.Allocate(product.BytesOfA(rows, rows));
            right = workspace.Allocate(product.BytesOfB(rows, panelColumns));
            product.PackA(square, rows, rows, left);
        }
        for (var first = 0; first < columns; first += panelColumns)
        {
            var count = Math.Min(panelColumns, columns - first);
            _types.Read(job.Source, job.SourceType, columns, first, panel, rows, count);
            if (square != DevicePointer.Null)
            {
                product.PackB(panel, rows, count, right);
                product.Add(left, right, panel, rows, count, rows);
            }
            _types.Store(panel, job.DestinationType, columns, first, job.Destination, rows, count);
        }
    }

    private static long RoundUp(long value, long step) => (value + step - 1) / step * step;
}
