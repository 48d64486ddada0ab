using T2.Kernels.Gpu;

namespace T2.Gpu.Tests;

/// <summary>The products against fp64 sums of the rounded operands, over sizes around the tiles.</summary>
[Collection(OpenClCollection.Name)]
public sealed class ProductKernelTests(OpenClFixture openCl)
{
    public static TheoryData<RebuildPrecision> Precisions => [RebuildPrecision.Single, RebuildPrecision.Half, RebuildPrecision.BFloat, RebuildPrecision.Tf32];

    private static readonly (int Rows, int Columns, int Depth)[] s_sizes =
        [(1, 1, 1), (1, 67, 3), (63, 64, 16), (65, 63, 17), (64, 128, 64), (127, 129, 33), (130, 131, 101), (257, 5, 31), (3, 300, 160)];

    [SkippableTheory]
    [MemberData(nameof(Precisions))]
    public void Adds_the_product_of_its_rounded_operands(RebuildPrecision precision)
    {
        foreach (var (rows, columns, depth) in s_sizes)
        {
            var random = new Random((rows * 31) + columns);
            var a = Matrices.Random(random, rows * depth, 0.02);
            var b = Matrices.Random(random, depth * columns, 0.3);
            var c = Matrices.Random(random, rows * columns, 0.02);

            using var buffers = new DeviceBuffers(openCl.Device);
            var product = new DeviceProduct(openCl.Device, precision);
            var onDevice = Array.ConvertAll(new[] { a, b, c }, matrix =>
            {
                var pointer = buffers.Allocate(matrix.Length * sizeof(float));
                openCl.Device.Upload<float>(matrix, pointer);
                return pointer;
            });
            var left = buffers.Allocate(product.BytesOfA(rows, depth));
            var right = buffers.Allocate(product.BytesOfB(depth, columns));
            product.PackA(onDevice[0], rows, depth, left);
            product.PackB(onDevice[1], depth, columns, right);
            product.Add(left, right, onDevice[2], rows, columns, depth);
            var actual = new float[c.Length];
            openCl.Device.Download<float>(onDevice[2], actual);

            for (var i = 0; i < rows; i++)
            {
                for (var j = 0; j < columns; j++)
                {
                    double sum = c[(i * columns) + j], magnitude = Math.Abs(sum);
                    for (var k = 0; k < depth; k++)
                    {
                        var term = (double)Operand(precision, a[(i * depth) + k]) * Operand(precision, b[(k * columns) + j]);
                        sum += term;
                        magnitude += Math.Abs(term);
                    }
                    // What the head of TileProduct promises: the operands are rounded already, so only the fp32 sums are off.
                    var bound = (depth + 1) * Math.Pow(2, -24) * magnitude;
                    Assert.True(Math.Abs(actual[(i * columns) + j] - sum) <= bound, $"{precision} {rows}×{columns}×{depth} at {i},{j}: {actual[(i * columns) + j]}, not {sum} ± {bound}");
                }
            }
        }
    }

    [SkippableFact]
    public void Forms_the_square_from_the_selected_rows_only()
    {
        foreach (var rank in new[] { 1, 7, 64, 65, 129 })
        {
            var random = new Random(rank);
            var basis = Matrices.Random(random, rank * rank, 1);
            var selected = Enumerable.Range(0, rank).Where(i => i % 3 != 1).ToArray();
            var delta = Matrices.Random(random, selected.Length, 0.1);

            using var buffers = new DeviceBuffers(openCl.Device);
            var onDevice = buffers.Allocate(basis.Length * sizeof(float));
            var rows = buffers.Allocate(selected.Length * sizeof(int));
            var scales = buffers.Allocate(selected.Length * sizeof(float));
            var square = buffers.Allocate(basis.Length * sizeof(float));
            openCl.Device.Upload<float>(basis, onDevice);
            openCl.Device.Upload<int>(selected, rows);
            openCl.Device.Upload<float>(delta, scales);
            var tiles = DeviceTypes.Blocks(rank, KernelShape.Tile);
            openCl.Device.Launch(
                GpuKernels.FormSquare, tiles, tiles,
                [
                    KernelArgument.View(onDevice, basis.Length), KernelArgument.View(rows, selected.Length), KernelArgument.View(scales, selected.Length),
                    KernelArgument.View(square, basis.Length), rank, selected.Length,
                ]);
            var actual = new float[basis.Length];
            openCl.Device.Download<float>(square, actual);

            for (var i = 0; i < rank; i++)
            {
                for (var j = 0; j < rank; j++)
                {
                    double sum = 0, magnitude = 0;
                    for (var k = 0; k < selected.Length; k++)
                    {
                        var term = (double)delta[k] * basis[(selected[k] * rank) + i] * basis[(selected[k] * rank) + j];
                        sum += term;
                        magnitude += Math.Abs(term);
                    }
                    Assert.True(Math.Abs(actual[(i * rank) + j] - sum) <= (selected.Length + 2) * Math.Pow(2, -24) * magnitude, $"rank {rank} at {i},{j}: {actual[(i * rank) + j]}, not {sum}");
                }
            }
        }
    }

    [SkippableFact]
    public void One_newton_schulz_step_squares_the_distance_from_orthonormal()
    {
        const int Rank = 97;
        var random = new Random(5);
        var e = Matrices.Orthonormal(random, Rank);
        for (var i = 0; i < e.Length; i++)
            e[i] += 1e-5 * (random.NextDouble() - 0.5);

        using var buffers = new DeviceBuffers(openCl.Device);
        var onDevice = buffers.Allocate(e.Length * sizeof(double));
        var result = buffers.Allocate(e.Length * sizeof(double));
        var residual = buffers.Allocate(e.Length * sizeof(double));
        openCl.Device.Upload<double>(e, onDevice);
        openCl.Device.Upload<double>(e, result);
        var tiles = DeviceTypes.Blocks(Rank, KernelShape.Tile);
        openCl.Device.Launch(GpuKernels.Orthogonality, tiles, tiles, [KernelArgument.View(onDevice, e.Length), Rank, KernelArgument.View(residual, e.Length), Rank, Rank, Rank]);
        openCl.Device.Launch(
            GpuKernels.AddProduct64, tiles, tiles,
            [KernelArgument.View(residual, e.Length), Rank, KernelArgument.View(onDevice, e.Length), Rank, KernelArgument.View(result, e.Length), Rank, Rank, Rank, Rank, 0.5, 1]);
        var actual = new double[e.Length];
        openCl.Device.Download<double>(result, actual);

        var before = Matrices.DistanceFromOrthonormal(e, Rank);
        var after = Matrices.DistanceFromOrthonormal(actual, Rank);
        Assert.InRange(before, 1e-6, 1e-3);
        // The new residual is ¾·R² + ¼·R³, and an element of R² is at most rank · max².
        Assert.InRange(after, 0, 0.76 * Rank * before * before);
    }

    /// <summary>A value as the operand holds it.</summary>
    private static float Operand(RebuildPrecision precision, float value) => precision switch
    {
        RebuildPrecision.Half => (float)(Half)value,
        RebuildPrecision.BFloat => Truncated(value, 16),
        RebuildPrecision.Tf32 => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) + 0x1000) & 0xFFFFE000),
        _ => value,
    };

    private static float Truncated(float value, int bits)
    {
        var word = BitConverter.SingleToUInt32Bits(value);
        word += (1u << (bits - 1)) - 1 + ((word >> bits) & 1);
        return BitConverter.UInt32BitsToSingle(word >> bits << bits);
    }
}
