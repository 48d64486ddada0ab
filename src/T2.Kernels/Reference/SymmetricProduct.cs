namespace T2.Kernels;

/// <summary>C = A·Aᵀ, or A·diag(s)·Aᵀ, in fp64: Gram matrices and V·diag(d)·Vᵀ. The upper tiles are computed, the lower ones mirrored.</summary>
internal static unsafe class SymmetricProduct
{
    /// <param name="left">A, with the scale if there is one.</param>
    /// <param name="right">A again, without a scale.</param>
    /// <param name="size">Rows of A, and of C.</param>
    /// <param name="depth">Columns of A.</param>
    /// <param name="result">Receives size×size values.</param>
    /// <param name="work">Threads, and the cancellation: checked before each tile.</param>
    public static void Compute(PanelOperand left, PanelOperand right, int size, int depth, double* result, ParallelWork work)
    {
        const int Edge = TileProduct.MaxRows;
        var tiles = TileProduct.Count(size, Edge);
        work.For(tiles * (tiles + 1) / 2, index =>
        {
            // Tile number → (row, column) of the upper triangle, counted column by column.
            var tileColumn = 0;
            while (index > tileColumn)
                index -= ++tileColumn;
            int row = index * Edge, column = tileColumn * Edge;
            int rows = Math.Min(Edge, size - row), columns = Math.Min(Edge, size - column);

            using var product = new TileProduct();
            product.Multiply(left, row, rows, right, column, columns, depth);
            for (var i = 0; i < rows; i++)
            {
                for (var j = 0; j < columns; j++)
                {
                    var value = product.Tile[(i * TileProduct.MaxColumns) + j];
                    result[((nint)(row + i) * size) + column + j] = value;
                    result[((nint)(column + j) * size) + row + i] = value;
                }
            }
        });
    }
}
