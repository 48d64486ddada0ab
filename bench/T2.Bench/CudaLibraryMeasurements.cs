using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using T2.Gguf;
using T2.Kernels;
using T2.Kernels.Gpu;

namespace T2.Bench;

/// <summary>
/// cuBLAS and cuSOLVER at what T2's kernels do: the product of a rebuild, and a decomposition in fp64 with vectors. Each is first checked against the CPU on a
/// small matrix, so that a time is never that of something else. The device's context must be current.
/// </summary>
internal sealed class CudaLibraryMeasurements(IGpuDevice device, nint stream)
{
    /// <summary>Shapes to measure; the tests of this code use small ones.</summary>
    public required IReadOnlyList<MatrixShape> Shapes { get; init; }

    /// <summary>Runs that count, of which the median is reported.</summary>
    public int Rounds { get; init; } = 5;

    private static MatrixShape Checked { get; } = new(33, 20);

    /// <summary>Times U·diag(σz) times Vᵀ, the product alone, by shape and type.</summary>
    /// <param name="report">Gets the table, or the line that says that there is none.</param>
    /// <param name="find">Finds functions of cuBLAS; null where it is not installed.</param>
    public void Rebuild(StringBuilder report, Func<string, nint>? find)
    {
        report.AppendLine().AppendLine("## cuBLAS: the product of a rebuild alone, without reading and storing a type").AppendLine();
        if (find is null)
        {
            report.AppendLine(CultureInfo.InvariantCulture, $"Not measured: cuBLAS is not installed ({string.Join(", ", CudaLibrary.Blas)}).");
            return;
        }
        using var blas = new CuBlas(find, stream);
        CheckProduct(blas);
        report.AppendLine("| shape | product | ms | TFLOP/s |").AppendLine("|---|---|--:|--:|");
        foreach (var shape in Shapes)
        {
            foreach (var precision in new[] { RebuildPrecision.Single, RebuildPrecision.Tf32, RebuildPrecision.BFloat, RebuildPrecision.Half })
            {
                // The same values as T2's own product gets.
                var type = precision switch { RebuildPrecision.Half => TensorType.F16, RebuildPrecision.BFloat => TensorType.BF16, _ => TensorType.F32 };
                var a = Uploaded<byte>(GpuMeasurements.Stored(type, new MatrixShape(shape.Rows, shape.Rank)));
                var b = Uploaded<byte>(GpuMeasurements.Stored(type, new MatrixShape(shape.Rank, shape.Columns)));
                var c = device.Allocate(shape.Length * TensorTypes.Info(type).BlockBytes);
                double seconds = Median(static () => { }, () => blas.Multiply(precision, shape, shape.Rank, a, b, c));
                report.AppendLine(CultureInfo.InvariantCulture, $"| {shape} | {precision} | {1000 * seconds:0.00} | {2.0 * shape.Length * shape.Rank / seconds / 1e12:0.0} |");
                Free(a, b, c);
            }
        }
    }

    /// <summary>Times the thin SVD in fp64 by shape.</summary>
    /// <param name="report">Gets the table, or the line that says that there is none.</param>
    /// <param name="find">Finds functions of cuSOLVER; null where it is not installed.</param>
    public void Factorise(StringBuilder report, Func<string, nint>? find)
    {
        report.AppendLine().AppendLine("## cuSOLVER: gesvdj in fp64, with both sides' vectors").AppendLine();
        if (find is null)
        {
            report.AppendLine(CultureInfo.InvariantCulture, $"Not measured: cuSOLVER is not installed ({string.Join(", ", CudaLibrary.Solver)}).");
            return;
        }
        using var solver = new CuSolver(find, device, stream);
        CheckSingularValues(solver);
        report.AppendLine("| shape | seconds |").AppendLine("|---|--:|");
        foreach (var shape in Shapes)
        {
            var pristine = Uploaded<double>(Array.ConvertAll(Values((int)shape.Length, 4), static value => (double)value));
            var matrix = device.Allocate(shape.Length * sizeof(double));
            double seconds = Median(() => device.Copy(pristine, matrix, shape.Length * sizeof(double)), () => solver.SingularValues(matrix, shape), 1);
            report.AppendLine(CultureInfo.InvariantCulture, $"| {shape} | {seconds:0.000} |");
            Free(pristine, matrix);
        }
    }

    private void CheckProduct(CuBlas blas)
    {
        const int Depth = 20;
        float[] left = Values(Checked.Rows * Depth, 1), right = Values(Depth * Checked.Columns, 2), product = new float[Checked.Length];
        DevicePointer a = Uploaded<float>(left), b = Uploaded<float>(right), c = device.Allocate(Checked.Length * sizeof(float));
        blas.Multiply(RebuildPrecision.Single, Checked, Depth, a, b, c);
        device.Download<float>(c, product);
        Free(a, b, c);
        for (int row = 0; row < Checked.Rows; row++)
        {
            for (int column = 0; column < Checked.Columns; column++)
            {
                double expected = Enumerable.Range(0, Depth).Sum(k => (double)left[(row * Depth) + k] * right[(k * Checked.Columns) + column]);
                if (Math.Abs(product[(row * Checked.Columns) + column] - expected) > 1e-4)
                    throw new InvalidOperationException($"cublasSgemm gives {product[(row * Checked.Columns) + column]} at ({row}, {column}) where the product is {expected}.");
            }
        }
    }

    private void CheckSingularValues(CuSolver solver)
    {
        float[] values = Values((int)Checked.Length, 3);
        var expected = new double[Checked.Rank];
        new ReferenceKernel().Factorize(values, Checked, expected, new float[Checked.Rank * Checked.Rank], 1, CancellationToken.None);
        var columns = new double[Checked.Length];
        for (int index = 0; index < columns.Length; index++)
            columns[index] = values[(index % Checked.Rows * Checked.Columns) + (index / Checked.Rows)];
        var matrix = Uploaded<double>(columns);
        double[] sigma = solver.SingularValues(matrix, Checked);
        Free(matrix);
        for (int index = 0; index < sigma.Length; index++)
        {
            if (Math.Abs(sigma[index] - expected[index]) > 1e-9 * expected[0])
                throw new InvalidOperationException($"cusolverDnDgesvdj gives σ{index} = {sigma[index]} where it is {expected[index]}.");
        }
    }

    private double Median(Action prepare, Action action, int? rounds = null)
    {
        var seconds = new double[rounds ?? Rounds];
        for (int round = -1; round < seconds.Length; round++)
        {
            prepare();
            device.Synchronize();
            long start = Stopwatch.GetTimestamp();
            action();
            device.Synchronize();
            if (round >= 0)
                seconds[round] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return Statistics.Median(seconds);
    }

    private DevicePointer Uploaded<T>(ReadOnlySpan<T> data)
        where T : unmanaged
    {
        var pointer = device.Allocate(data.Length * (long)Marshal.SizeOf<T>());
        device.Upload(data, pointer);
        return pointer;
    }

    private void Free(params ReadOnlySpan<DevicePointer> pointers)
    {
        foreach (var pointer in pointers)
            device.Free(pointer);
    }

    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }
}
