namespace T2.Kernels.Gpu;

/// <summary>
/// σ and the smaller side's singular vectors by block one-sided Jacobi: the rows (or columns) of W are rotated until they are orthogonal; their norms are
/// σ, the rotations collected in E are the singular vectors.
/// <para>
/// Most sweeps run in fp32. Then E is widened, made orthonormal again (two Newton–Schulz steps), the vectors are formed anew from W in fp64, and fp64 sweeps
/// finish: convergence is quadratic, so two or three do. What fp32 rounded is thereby forgotten. No Gram matrix of the whole is formed, so small σ keep
/// their relative accuracy, which the eigenvalues of WᵀW would lose.
/// </para>
/// <para>
/// Bounds: σ within 10⁻¹²·σ₁; basis orthonormal to 10⁻⁷ (fp32 rounding). Vectors whose σ is below 10⁻⁸·σ₁ are noise and may be mixed with each other.
/// </para>
/// </summary>
internal sealed class DeviceFactorizer(IGpuDevice device)
{
    private const int MaxSweeps32 = 15;
    private const int MaxSweeps64 = 15;

    /// <summary>Good enough to hand over: squared twice by fp64 sweeps, this is below <see cref="Tolerance64"/>.</summary>
    private const double Tolerance32 = 1e-4;
    private const double Tolerance64 = 1e-12;

    /// <summary>Vectors this much shorter than the longest are noise: to an fp32 sweep, and altogether.</summary>
    private const double Noise32 = 1e-3;
    private const double Noise64 = 1e-8;

    /// <summary>Work space of a factorisation, bytes, without W and the basis.</summary>
    public static long WorkspaceBytes(MatrixShape shape)
    {
        long rank = shape.Rank, length = Math.Max(shape.Rows, shape.Columns), rows = JacobiSweeper.PaddedRows(shape.Rank);
        var sweeps32 = (rows * (length + rank) * sizeof(float)) + JacobiSweeper.WorkspaceBytes(shape.Rank, (int)length, false);
        var sweeps64 = (rows * (length + (2 * rank)) * sizeof(double)) + Math.Max(rank * rank * sizeof(double), JacobiSweeper.WorkspaceBytes(shape.Rank, (int)length, true));
        // E is widened while both of it exist.
        return Math.Max(sweeps32, sweeps64 + (rows * rank * sizeof(float)));
    }

    public void Run(DevicePointer weight, MatrixShape shape, Span<double> singularValues, DevicePointer basis, CancellationToken cancellation)
    {
        DeviceJobChecks.CheckShape(shape);
        if (singularValues.Length != shape.Rank)
            throw new ArgumentException($"singularValues has length {singularValues.Length}; shape {shape} needs {shape.Rank}.", nameof(singularValues));

        using var buffers = new DeviceBuffers(device);
        var rotations = SweepSingle(weight, shape, buffers, cancellation);
        var (basis64, sigma) = SweepDouble(weight, shape, rotations, buffers, cancellation);

        var order = new int[shape.Rank];
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        sigma.CopyTo(singularValues);
        singularValues.Sort(order.AsSpan(), static (a, b) => b.CompareTo(a));
        var orderOnDevice = buffers.Allocate((long)order.Length * sizeof(int));
        device.Upload<int>(order, orderOnDevice);
        device.Launch(
            GpuKernels.Gather, DeviceTypes.Blocks(shape.Rank, KernelShape.Threads), shape.Rank,
            [
                KernelArgument.View(basis64, (long)shape.Rank * shape.Rank), KernelArgument.View(orderOnDevice, shape.Rank),
                KernelArgument.View(basis, (long)shape.Rank * shape.Rank), shape.Rank,
            ]);
        device.Synchronize();
    }

    /// <summary>fp32 sweeps from W; returns E, padded rows × rank, fp32.</summary>
    private DevicePointer SweepSingle(DevicePointer weight, MatrixShape shape, DeviceBuffers buffers, CancellationToken cancellation)
    {
        int rank = shape.Rank, length = Math.Max(shape.Rows, shape.Columns), rows = JacobiSweeper.PaddedRows(rank);
        var e = buffers.Allocate((long)rows * rank * sizeof(float));
        using var own = new DeviceBuffers(device);
        var x = own.Allocate((long)rows * length * sizeof(float));
        device.Launch(
            GpuKernels.PackVectors, DeviceTypes.Blocks(length, 32), rows / 32,
            [KernelArgument.View(weight, shape.Length), KernelArgument.View(x, (long)rows * length), rank, length, shape.Side == FactorSide.Right ? 1 : 0]);
        device.Launch(
            GpuKernels.Identity, DeviceTypes.Blocks(rank, KernelShape.Threads), rows,
            [KernelArgument.View(e, (long)rows * rank), rank]);
        var sweeper = new JacobiSweeper(device, false, rank, length, own);
        var floor = Square(Noise32 * Longest(sweeper.Norms(x), shape));

        var previous = double.PositiveInfinity;
        for (var sweep = 0; sweep < MaxSweeps32; sweep++)
        {
            cancellation.ThrowIfCancellationRequested();
            var offset = sweeper.Sweep(x, e, floor);
            // fp32 may stop improving before the tolerance; what is left is fp64's.
            if (offset <= Tolerance32 || (offset < 0.01 && offset > previous / 2))
                break;
            previous = offset;
        }
        return e;
    }

    /// <summary>fp64 sweeps from W and E; returns E and the norms of the vectors.</summary>
    private (DevicePointer Basis, double[] Sigma) SweepDouble(DevicePointer weight, MatrixShape shape, DevicePointer single, DeviceBuffers buffers, CancellationToken cancellation)
    {
        int rank = shape.Rank, length = Math.Max(shape.Rows, shape.Columns), rows = JacobiSweeper.PaddedRows(rank);
        var e = Orthonormalize(single, rank, rows, buffers);
        buffers.Free(single);

        using var own = new DeviceBuffers(device);
        var x = own.Allocate((long)rows * length * sizeof(double));
        device.Clear(x, (long)rows * length * sizeof(double));
        device.Launch(
            shape.Side == FactorSide.Right ? GpuKernels.ProjectColumns : GpuKernels.ProjectRows,
            DeviceTypes.Blocks(length, KernelShape.Tile), DeviceTypes.Blocks(rank, KernelShape.Tile),
            [KernelArgument.View(e, (long)rows * rank), KernelArgument.View(weight, shape.Length), KernelArgument.View(x, (long)rows * length), rank, length]);

        var sweeper = new JacobiSweeper(device, true, rank, length, own);
        var floor = Square(Noise64 * Longest(sweeper.Norms(x), shape));
        var offset = double.PositiveInfinity;
        for (var sweep = 0; !(offset <= Tolerance64); sweep++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (sweep == MaxSweeps64)
                throw new FactorizationException($"The singular vectors of a {shape} weight are still {offset:g2} from orthogonal after {sweep} sweeps.");
            offset = sweeper.Sweep(x, e, floor);
        }
        var sigma = sweeper.Norms(x);
        Longest(sigma, shape);
        return (e, sigma);
    }

    /// <summary>E in fp64, orthonormal: E ← E + ½(I − E·Eᵀ)·E, twice. Each step squares the distance from orthonormal, which fp32 sweeps leave near 10⁻⁵.</summary>
    private DevicePointer Orthonormalize(DevicePointer single, int rank, int rows, DeviceBuffers buffers)
    {
        var values = (long)rows * rank;
        var e = buffers.Allocate(values * sizeof(double));
        using var own = new DeviceBuffers(device);
        var previous = own.Allocate(values * sizeof(double));
        var residual = own.Allocate((long)rank * rank * sizeof(double));
        device.Launch(
            GpuKernels.Widen, DeviceTypes.Blocks(rank, KernelShape.Threads), rows,
            [KernelArgument.View(single, values), KernelArgument.View(e, values), rank]);
        var tiles = DeviceTypes.Blocks(rank, KernelShape.Tile);
        for (var step = 0; step < 2; step++)
        {
            device.Copy(e, previous, values * sizeof(double));
            device.Launch(
                GpuKernels.Orthogonality, tiles, tiles,
                [KernelArgument.View(previous, values), rank, KernelArgument.View(residual, (long)rank * rank), rank, rank, rank]);
            device.Launch(
                GpuKernels.AddProduct64, tiles, tiles,
                [
                    KernelArgument.View(residual, (long)rank * rank), rank, KernelArgument.View(previous, values), rank,
                    KernelArgument.View(e, values), rank, rank, rank, rank, 0.5d, 1,
                ]);
        }
        return e;
    }

    private static double Longest(double[] norms, MatrixShape shape)
    {
        var longest = 0d;
        foreach (var norm in norms)
            longest = Math.Max(longest, norm);
        return double.IsFinite(longest)
            ? longest
            : throw new FactorizationException($"A {shape} weight holds values that are not finite; only finite values can be factorised.");
    }

    private static double Square(double value) => value * value;
}
