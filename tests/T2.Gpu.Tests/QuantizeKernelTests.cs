using T2.Gguf;
using T2.Gguf.Quantization;
using T2.Kernels.Gpu;

namespace T2.Gpu.Tests;

/// <summary>The quantise and dequantise kernels against the managed port of ggml's code, bit by bit.</summary>
[Collection(OpenClCollection.Name)]
public sealed class QuantizeKernelTests(OpenClFixture openCl)
{
    public static TheoryData<TensorType> Types => new(GpuKernels.RebuildableTypes);

    [SkippableTheory]
    [MemberData(nameof(Types))]
    public void Stores_the_very_bytes_of_the_cpu_reference(TensorType type)
    {
        foreach (var (rows, columns) in Shapes(type))
        {
            var values = Values(rows, columns);
            var expected = new byte[BytesOf(type, rows, columns)];
            Quantizer.Quantize(type, values, expected, columns);

            using var buffers = new DeviceBuffers(openCl.Device);
            var source = buffers.Allocate(values.Length * sizeof(float));
            var destination = buffers.Allocate(expected.Length);
            openCl.Device.Upload<float>(values, source);
            new DeviceTypes(openCl.Device).Store(source, type, columns, 0, destination, rows, columns);
            var actual = new byte[expected.Length];
            openCl.Device.Download<byte>(destination, actual);

            AssertSameBlocks(type, expected, actual, $"{rows}×{columns}");
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Types))]
    public void Reads_the_very_floats_of_the_cpu_reference(TensorType type)
    {
        foreach (var (rows, columns) in Shapes(type))
        {
            var stored = new byte[BytesOf(type, rows, columns)];
            Quantizer.Quantize(type, Values(rows, columns), stored, columns);
            var expected = new float[rows * columns];
            Quantizer.Dequantize(type, stored, expected);

            using var buffers = new DeviceBuffers(openCl.Device);
            var source = buffers.Allocate(stored.Length);
            var destination = buffers.Allocate(expected.Length * sizeof(float));
            openCl.Device.Upload<byte>(stored, source);
            new DeviceTypes(openCl.Device).Read(source, type, columns, 0, destination, rows, columns);
            var actual = new float[expected.Length];
            openCl.Device.Download<float>(destination, actual);

            for (var i = 0; i < expected.Length; i++)
                Assert.True(BitConverter.SingleToUInt32Bits(expected[i]) == BitConverter.SingleToUInt32Bits(actual[i]), $"{type} {rows}×{columns} at {i}: {expected[i]:r}, got {actual[i]:r}");
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Types))]
    public void A_panel_of_columns_is_the_same_columns_of_the_whole(TensorType type)
    {
        const int Rows = 5;
        var step = Math.Max(TensorTypes.Info(type).BlockLength, 32);
        int columns = 3 * step, first = step;
        var stored = new byte[BytesOf(type, Rows, columns)];
        Quantizer.Quantize(type, Values(Rows, columns), stored, columns);
        var whole = new float[Rows * columns];
        Quantizer.Dequantize(type, stored, whole);

        using var buffers = new DeviceBuffers(openCl.Device);
        var source = buffers.Allocate(stored.Length);
        var panel = buffers.Allocate(Rows * step * sizeof(float));
        var destination = buffers.Allocate(stored.Length);
        openCl.Device.Upload<byte>(stored, source);
        openCl.Device.Clear(destination, stored.Length);
        var types = new DeviceTypes(openCl.Device);
        types.Read(source, type, columns, first, panel, Rows, step);
        types.Store(panel, type, columns, first, destination, Rows, step);

        var values = new float[Rows * step];
        openCl.Device.Download<float>(panel, values);
        for (var i = 0; i < values.Length; i++)
            Assert.Equal(whole[(i / step * columns) + first + (i % step)], values[i]);

        var requantised = new byte[BytesOf(type, Rows, step)];
        Quantizer.Quantize(type, values, requantised, step);
        var result = new byte[stored.Length];
        openCl.Device.Download<byte>(destination, result);
        int rowBytes = stored.Length / Rows, panelBytes = requantised.Length / Rows, offset = (int)TensorTypes.Info(type).BytesFor(first);
        for (var row = 0; row < Rows; row++)
        {
            var resultRow = result.AsSpan(row * rowBytes, rowBytes);
            Assert.Equal(requantised.AsSpan(row * panelBytes, panelBytes), resultRow.Slice(offset, panelBytes));
            Assert.False(resultRow[..offset].ContainsAnyExcept((byte)0), "columns before the panel were written");
            Assert.False(resultRow[(offset + panelBytes)..].ContainsAnyExcept((byte)0), "columns after the panel were written");
        }
    }

    private static IEnumerable<(int Rows, int Columns)> Shapes(TensorType type) => TensorTypes.Info(type).BlockLength switch
    {
        1 => [(1, 1), (3, 7), (17, 257), (2, 512)],
        32 => [(1, 32), (3, 96), (129, 32), (7, 608), (64, 128)],
        _ => [(1, 256), (3, 768), (17, 256), (33, 1024)],
    };

    /// <summary>Rows of different kinds, with the corner cases of the block types among them.</summary>
    private static float[] Values(int rows, int columns)
    {
        var random = new Random((rows * 7919) + columns);
        var values = new float[rows * columns];
        for (var i = 0; i < values.Length; i++)
        {
            var normal = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
            values[i] = (i / 32 % 11) switch
            {
                0 => 0f,
                1 => 0.5f,
                2 => -0.25f,
                3 => MathF.Abs(normal),
                4 => -MathF.Abs(normal) * 1e-4f,
                5 => i % 32 == 5 ? 30f : normal * 1e-2f,
                6 => normal * 1e-12f,
                7 => ((i % 32) - 16) / 2f,
                _ => normal * 0.02f,
            };
        }
        return values;
    }

    private static long BytesOf(TensorType type, int rows, int columns) => TensorTypes.Info(type).BytesFor(columns) * rows;

    private static void AssertSameBlocks(TensorType type, byte[] expected, byte[] actual, string shape)
    {
        var bytes = TensorTypes.Info(type).BlockBytes;
        for (var i = 0; i < expected.Length; i++)
            Assert.True(expected[i] == actual[i], $"{type} {shape}: byte {i % bytes} of block {i / bytes} is {actual[i]}, not {expected[i]}");
    }
}
