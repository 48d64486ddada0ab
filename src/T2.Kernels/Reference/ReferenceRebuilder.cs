using CommunityToolkit.HighPerformance.Buffers;

namespace T2.Kernels;

/// <summary>W' = W + W·S or W + S·W with S = basisᵀ·diag(z−1)·basis: S is formed once in fp64, then W goes through it a panel at a time.</summary>
internal static unsafe class ReferenceRebuilder
{
    public static void Run(in RebuildJob job, ParallelWork work)
    {
        if (job.SourceType == job.DestinationType && job.Z.IndexOfAnyExcept(1f) < 0)
        {
            work.Cancellation.ThrowIfCancellationRequested();
            job.Source.CopyTo(job.Destination);
            return;
        }

        var shape = job.Shape;
        fixed (byte* source = job.Source, destination = job.Destination)
        {
            using var square = new PinnedBuffer<double>((long)shape.Rank * shape.Rank);
            FormSquare(job, square.Pointer, work);
            var reader = new RowBytes(source, job.SourceType, shape.Columns);
            var writer = new RowBytes(destination, job.DestinationType, shape.Columns);
            if (shape.Side == FactorSide.Right)
                RebuildTall(reader, writer, shape, square.Pointer, work);
            else
                RebuildWide(reader, writer, shape, square.Pointer, work);
        }
    }

    /// <summary>S, r×r, from the basis rows whose z is not 1.</summary>
    private static void FormSquare(in RebuildJob job, double* square, ParallelWork work)
    {
        var rank = job.Shape.Rank;
        var changed = rank - job.Z.Count(1f);
        using var rows = new PinnedBuffer<float>((long)changed * rank);
        using var delta = new PinnedBuffer<double>(changed);
        for (int i = 0, row = 0; i < rank; i++)
        {
            if (job.Z[i] == 1)
                continue;
            delta.Span[row] = (double)job.Z[i] - 1;
            job.Basis.Slice(i * rank, rank).CopyTo(rows.Span[(row * rank)..]);
            row++;
        }
        var left = PanelOperand.IndexContiguous(rows.Pointer, rank, delta.Pointer);
        var right = PanelOperand.IndexContiguous(rows.Pointer, rank);
        SymmetricProduct.Compute(left, right, rank, changed, square, work);
    }

    private static void RebuildTall(RowBytes reader, RowBytes writer, MatrixShape shape, double* square, ParallelWork work)
    {
        const int Panel = TileProduct.MaxRows;
        var columns = shape.Columns;
        var squareOperand = PanelOperand.IndexContiguous(square, columns);
        work.For(TileProduct.Count(shape.Rows, Panel), panel =>
        {
            var first = panel * Panel;
            var rows = Math.Min(Panel, shape.Rows - first);
            using var product = new TileProduct();
            using var pristine = new PinnedBuffer<float>((long)rows * columns);
            using var result = MemoryOwner<float>.Allocate(rows * columns);
            reader.Read(first, rows, pristine.Span);
            pristine.Span.CopyTo(result.Span);
            var operand = PanelOperand.DepthContiguous(pristine.Pointer, columns);
            for (var column = 0; column < columns; column += TileProduct.MaxColumns)
            {
                work.Cancellation.ThrowIfCancellationRequested();
                var width = Math.Min(TileProduct.MaxColumns, columns - column);
                product.Multiply(operand, 0, rows, squareOperand, column, width, columns);
                AddTile(product.Tile, rows, width, result.Span[column..], columns);
            }
            writer.Write(first, rows, result.Span);
        });
    }

    private static void RebuildWide(RowBytes reader, RowBytes writer, MatrixShape shape, double* square, ParallelWork work)
    {
        const int Panel = TileProduct.MaxColumns;
        const int RowsAtOnce = 32;
        int rows = shape.Rows, columns = shape.Columns;
        using var weight = new PinnedBuffer<float>(shape.Length);
        var values = weight.Pointer;
        work.For(TileProduct.Count(rows, RowsAtOnce), index =>
        {
            var first = index * RowsAtOnce;
            var count = Math.Min(RowsAtOnce, rows - first);
            reader.Read(first, count, new Span<float>(values + ((nint)first * columns), count * columns));
        });

        // A column panel depends on itself alone, so it is copied out and rebuilt in place.
        var squareOperand = PanelOperand.DepthContiguous(square, rows);
        work.For(TileProduct.Count(columns, Panel), panel =>
        {
            var column = panel * Panel;
            var width = Math.Min(Panel, columns - column);
            using var product = new TileProduct();
            using var pristine = new PinnedBuffer<float>((long)rows * width);
            for (var i = 0; i < rows; i++)
                new Span<float>(values + ((nint)i * columns) + column, width).CopyTo(pristine.Span[(i * width)..]);
            var operand = PanelOperand.IndexContiguous(pristine.Pointer, width);
            for (var row = 0; row < rows; row += TileProduct.MaxRows)
            {
                work.Cancellation.ThrowIfCancellationRequested();
                var height = Math.Min(TileProduct.MaxRows, rows - row);
                product.Multiply(squareOperand, row, height, operand, 0, width, rows);
                var start = values + ((nint)row * columns) + column;
                AddTile(product.Tile, height, width, new Span<float>(start, ((height - 1) * columns) + width), columns);
            }
        });

        work.For(TileProduct.Count(rows, RowsAtOnce), index =>
        {
            var first = index * RowsAtOnce;
            var count = Math.Min(RowsAtOnce, rows - first);
            writer.Write(first, count, new ReadOnlySpan<float>(values + ((nint)first * columns), count * columns));
        });
    }

    private static void AddTile(double* tile, int rows, int columns, Span<float> target, int stride)
    {
        for (var i = 0; i < rows; i++)
        {
            var row = target.Slice(i * stride, columns);
            for (var j = 0; j < columns; j++)
                row[j] = (float)(row[j] + tile[(i * TileProduct.MaxColumns) + j]);
        }
    }
}
