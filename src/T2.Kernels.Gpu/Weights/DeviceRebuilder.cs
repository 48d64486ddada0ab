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

    /// <summary>Work space of a rebuild of this shape, bytes, without source, basis and destination.</summary>
    public static long WorkspaceBytes(MatrixShape shape)
    {
        long rank = shape.Rank;
        var panel = Math.Min(UsualPanel, Math.Max(shape.Rows, shape.Columns));
        // S in fp32 and as an operand (at most as large), a panel in fp32 and as an operand, and the lists of selected rows; operands padded to tiles.
        var padded = rank + KernelShape.MmaTile;
        return (2 * padded * padded * sizeof(float)) + (2L * (panel + KernelShape.MmaTile) * padded * sizeof(float)) + (rank * 8);
    }

    public void Run(in DeviceRebuildJob job)
    {
        DeviceJobChecks.Check(job);
        var changed = job.Shape.Rank - job.Z.Count(1f);
        if (changed == 0 && job.SourceType == job.DestinationType)
        {
            device.Copy(job.Source, job.Destination, TensorTypes.Info(job.SourceType).BytesFor(job.Shape.Columns) * job.Shape.Rows);
            return;
        }

        var product = new DeviceProduct(device, job.Precision);
        using var buffers = new DeviceBuffers(device);
        // With nothing changed only the type does: panels are read and stored.
        var square = changed == 0 ? DevicePointer.Null : FormSquare(job, changed, buffers);
        if (job.Shape.Side == FactorSide.Right)
            RebuildRows(job, product, square, buffers);
        else
            RebuildColumns(job, product, square, buffers);
    }

    private DevicePointer FormSquare(in DeviceRebuildJob job, int changed, DeviceBuffers buffers)
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
        var rows = buffers.Allocate((long)changed * sizeof(int));
        var scales = buffers.Allocate((long)changed * sizeof(float));
        var square = buffers.Allocate((long)rank * rank * sizeof(float));
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

    private void RebuildRows(in DeviceRebuildJob job, DeviceProduct product, DevicePointer square, DeviceBuffers buffers)
    {
        int rows = job.Shape.Rows, columns = job.Shape.Columns;
        var panelRows = Math.Min(panelLength, rows);
        var panel = buffers.Allocate((long)panelRows * columns * sizeof(float));
        var left = DevicePointer.Null;
        var right = DevicePointer.Null;
        if (square != DevicePointer.Null)
        {
            left = buffers.Allocate(product.BytesOfA(panelRows, columns));
            right = buffers.Allocate(product.BytesOfB(columns, columns));
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

    private void RebuildColumns(in DeviceRebuildJob job, DeviceProduct product, DevicePointer square, DeviceBuffers buffers)
    {
        int rows = job.Shape.Rows, columns = job.Shape.Columns;
        var panelColumns = Math.Min(panelLength, columns);
        var panel = buffers.Allocate((long)rows * panelColumns * sizeof(float));
        var left = DevicePointer.Null;
        var right = DevicePointer.Null;
        if (square != DevicePointer.Null)
        {
            left = buffers.Allocate(product.BytesOfA(rows, rows));
            right = buffers.Allocate(product.BytesOfB(rows, panelColumns));
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
}
