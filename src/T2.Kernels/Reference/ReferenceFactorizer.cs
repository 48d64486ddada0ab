namespace T2.Kernels;

/// <summary>σ and the smaller side's singular vectors from the eigen-decomposition of the smaller Gram matrix, WᵀW = V·diag(σ²)·Vᵀ or WWᵀ = U·diag(σ²)·Uᵀ.</summary>
internal static unsafe class ReferenceFactorizer
{
    /// <summary>
    /// σᵢ = √λᵢ carries a relative error of r·ε·(σ₁/σᵢ)²/2: harmless down to here, growing to 100 % at 10⁻⁷·σ₁. Below it ‖W·vᵢ‖ is used instead.
    /// </summary>
    private const double MeasuredBelow = 0.01;

    public static void Run(ReadOnlySpan<float> weight, MatrixShape shape, Span<double> singularValues, Span<float> basis, ParallelWork work)
    {
        var rank = shape.Rank;
        using var gram = new PinnedBuffer<double>((long)rank * rank);
        using var vectors = new PinnedBuffer<double>((long)rank * rank);
        using var eigenvalues = new PinnedBuffer<double>(rank);
        var order = new int[rank];
        fixed (float* pinned = weight)
        {
            var sideOperand = SideOperand(pinned, shape);
            var depth = Math.Max(shape.Rows, shape.Columns);
            SymmetricProduct.Compute(sideOperand, sideOperand, rank, depth, gram.Pointer, work);
            SymmetricEigen.Decompose(gram.Pointer, rank, eigenvalues.Pointer, vectors.Pointer, work);

            var sigma = eigenvalues.Span;
            for (var i = 0; i < rank; i++)
                sigma[i] = Math.Sqrt(Math.Max(sigma[i], 0));
            MeasureSmall(pinned, shape, vectors.Pointer, eigenvalues.Pointer, work);
        }

        for (var i = 0; i < rank; i++)
            order[i] = i;
        var keys = singularValues;
        eigenvalues.Span.CopyTo(keys);
        keys.Sort(order.AsSpan(), static (a, b) => b.CompareTo(a));
        for (var i = 0; i < rank; i++)
        {
            var from = vectors.Pointer + ((nint)order[i] * rank);
            var to = basis.Slice(i * rank, rank);
            for (var j = 0; j < rank; j++)
                to[j] = (float)from[j];
        }
    }

    /// <summary>W read with the smaller side's index first: WᵀW's factor for a tall W, WWᵀ's for a wide one.</summary>
    private static PanelOperand SideOperand(float* weight, MatrixShape shape) => shape.Side == FactorSide.Right
        ? PanelOperand.IndexContiguous(weight, shape.Columns)
        : PanelOperand.DepthContiguous(weight, shape.Columns);

    /// <summary>Replaces σᵢ by ‖W·vᵢ‖ (‖Wᵀ·uᵢ‖) where it is small against the largest.</summary>
    private static void MeasureSmall(float* weight, MatrixShape shape, double* vectors, double* sigma, ParallelWork work)
    {
        var rank = shape.Rank;
        var limit = 0.0;
        for (var i = 0; i < rank; i++)
            limit = Math.Max(limit, sigma[i] * MeasuredBelow);
        var small = new List<int>();
        for (var i = 0; i < rank; i++)
        {
            if (sigma[i] < limit)
                small.Add(i);
        }
        if (small.Count == 0)
            return;

        using var gathered = new PinnedBuffer<double>((long)small.Count * rank);
        for (var i = 0; i < small.Count; i++)
            new Span<double>(vectors + ((nint)small[i] * rank), rank).CopyTo(gathered.Span[(i * rank)..]);
        var vectorOperand = PanelOperand.DepthContiguous(gathered.Pointer, rank);
        // Here the sum runs over the smaller side, so W is read the other way round.
        var weightOperand = shape.Side == FactorSide.Right
            ? PanelOperand.DepthContiguous(weight, shape.Columns)
            : PanelOperand.IndexContiguous(weight, shape.Columns);
        var longSide = Math.Max(shape.Rows, shape.Columns);
        work.For(TileProduct.Count(small.Count, TileProduct.MaxRows), tile =>
        {
            var first = tile * TileProduct.MaxRows;
            var rows = Math.Min(TileProduct.MaxRows, small.Count - first);
            using var product = new TileProduct();
            Span<double> squares = stackalloc double[TileProduct.MaxRows];
            squares.Clear();
            for (var column = 0; column < longSide; column += TileProduct.MaxColumns)
            {
                work.Cancellation.ThrowIfCancellationRequested();
                var columns = Math.Min(TileProduct.MaxColumns, longSide - column);
                product.Multiply(vectorOperand, first, rows, weightOperand, column, columns, rank);
                for (var i = 0; i < rows; i++)
                {
                    for (var j = 0; j < columns; j++)
                    {
                        var value = product.Tile[(i * TileProduct.MaxColumns) + j];
                        squares[i] += value * value;
                    }
                }
            }
            for (var i = 0; i < rows; i++)
                sigma[small[first + i]] = Math.Sqrt(squares[i]);
        });
    }
}
