namespace T2.Kernels.Gpu;

/// <summary>
/// Sweeps of block one-sided Jacobi over rows x_i of X, whose rotations E collects: a sweep brings every block of 16 rows together with every other once,
/// in rounds of disjoint pairs. Per round three kernels: Gram matrices of the pairs, the rotations that diagonalise them, the rotations applied.
/// </summary>
internal sealed class JacobiSweeper
{
    private readonly IGpuDevice _device;
    private readonly JacobiKernels _kernels;
    private readonly bool _isDouble;
    private readonly int _rows;
    private readonly int _length;
    private readonly int _rank;
    private readonly DevicePointer _parts;
    private readonly DevicePointer _rotations;
    private readonly DevicePointer _offsets;
    private readonly DevicePointer _norms;

    /// <param name="device">Where everything is.</param>
    /// <param name="isDouble">fp64 instead of fp32.</param>
    /// <param name="rank">Rows that count; X and E have <see cref="PaddedRows"/> of them, the rest zero.</param>
    /// <param name="length">Values per row of X.</param>
    /// <param name="buffers">Owner of the work space.</param>
    public JacobiSweeper(IGpuDevice device, bool isDouble, int rank, int length, DeviceBuffers buffers)
    {
        _device = device;
        _kernels = isDouble ? GpuKernels.Jacobi64 : GpuKernels.Jacobi32;
        _isDouble = isDouble;
        _rank = rank;
        _length = length;
        _rows = PaddedRows(rank);
        _parts = buffers.Allocate((long)Pairs * Parts * PairValues * ValueBytes);
        _rotations = buffers.Allocate((long)Pairs * PairValues * ValueBytes);
        _offsets = buffers.Allocate((long)Pairs * Rounds * ValueBytes);
        _norms = buffers.Allocate((long)_rows * sizeof(double));
    }

    private int ValueBytes => _isDouble ? sizeof(double) : sizeof(float);

    private int Blocks => _rows / KernelShape.JacobiBlock;

    private int Pairs => Blocks / 2;

    private int Rounds => Blocks - 1;

    /// <summary>Parts a Gram matrix comes in: blocks of 1024 elements, four parts each.</summary>
    private int Parts => 4 * GramBlocks;

    private int GramBlocks => DeviceTypes.Blocks(_length, GramSpan);

    private static int GramSpan => 4 * KernelShape.JacobiSpan;

    private static int PairValues => KernelShape.JacobiPair * KernelShape.JacobiPair;

    /// <summary>Rows in whole pairs of blocks.</summary>
    public static int PaddedRows(int rank) => DeviceTypes.Blocks(rank, KernelShape.JacobiPair) * KernelShape.JacobiPair;

    /// <summary>Bytes of the work space of a sweeper.</summary>
    public static long WorkspaceBytes(int rank, int length, bool isDouble)
    {
        long rows = PaddedRows(rank), pairs = rows / KernelShape.JacobiPair, valueBytes = isDouble ? sizeof(double) : sizeof(float);
        var parts = 4L * DeviceTypes.Blocks(length, GramSpan);
        return (pairs * (parts + 1) * PairValues * valueBytes) + (pairs * 2 * pairs * valueBytes) + (rows * sizeof(double));
    }

    /// <summary>‖x_i‖ of the rows that count.</summary>
    public double[] Norms(DevicePointer x)
    {
        _device.Launch(
            _kernels.Norms, _rows, 1,
            [KernelArgument.View(x, (long)_rows * _length), _length, KernelArgument.View(_norms, _rows)]);
        var norms = new double[_rank];
        _device.Download<double>(_norms, norms);
        return norms;
    }

    /// <summary>One sweep.</summary>
    /// <param name="x">The vectors, padded rows × length.</param>
    /// <param name="e">The rotations so far, padded rows × rank.</param>
    /// <param name="floor">Square of a norm below which a vector counts as noise.</param>
    /// <returns>The largest cosine of an angle between two vectors that met, measured before they were rotated.</returns>
    public double Sweep(DevicePointer x, DevicePointer e, double floor)
    {
        for (var round = 0; round < Rounds; round++)
        {
            _device.Launch(
                _kernels.Gram, GramBlocks, Pairs,
                [KernelArgument.View(x, (long)_rows * _length), _length, GramSpan, round, Blocks, KernelArgument.View(_parts, (long)Pairs * Parts * PairValues)]);
            _device.Launch(
                _kernels.Rotation, Pairs, 1,
                [
                    KernelArgument.View(_parts, (long)Pairs * Parts * PairValues), Parts, _isDouble ? (KernelArgument)floor : (float)floor,
                    KernelArgument.View(_rotations, (long)Pairs * PairValues), KernelArgument.View(_offsets, (long)Pairs * Rounds), round * Pairs,
                ]);
            Apply(x, _length, round);
            Apply(e, _rank, round);
        }
        return LargestOffset();
    }

    private void Apply(DevicePointer rows, int columns, int round) => _device.Launch(
        _kernels.Apply, DeviceTypes.Blocks(columns, KernelShape.Threads), Pairs,
        [KernelArgument.View(rows, (long)_rows * columns), columns, round, Blocks, KernelArgument.View(_rotations, (long)Pairs * PairValues)]);

    private double LargestOffset()
    {
        // Not Max(): a NaN must come through.
        var largest = 0d;
        if (_isDouble)
        {
            var offsets = new double[Pairs * Rounds];
            _device.Download<double>(_offsets, offsets);
            foreach (var offset in offsets)
                largest = Math.Max(largest, offset);
        }
        else
        {
            var offsets = new float[Pairs * Rounds];
            _device.Download<float>(_offsets, offsets);
            foreach (var offset in offsets)
                largest = Math.Max(largest, offset);
        }
        return largest;
    }
}
