using T2.Gguf;

namespace T2.Kernels.Tests;

/// <summary>Theory data over every kernel in the registry, so that a new one is tested by being listed.</summary>
internal static class KernelData
{
    /// <summary>1, primes, vector and tile sizes ± 1, r &lt; m, m &lt; n.</summary>
    private static readonly (int Rows, int Columns)[] s_shapes =
    [
        (1, 1), (1, 7), (7, 1), (2, 2), (2, 3), (3, 2), (7, 7), (31, 31), (32, 32), (33, 33), (97, 97), (31, 97), (97, 31), (1, 300), (300, 1),
        (2, 500), (500, 2), (33, 200), (200, 33), (95, 192), (193, 96), (200, 193), (193, 200),
    ];

    public static TheoryData<string> Kernels => [.. KernelRegistry.Entries.Select(static entry => entry.Name)];

    public static TheoryData<string, int, int> KernelsAndShapes
    {
        get
        {
            var data = new TheoryData<string, int, int>();
            foreach (var kernel in KernelRegistry.Entries)
            {
                foreach (var (rows, columns) in s_shapes)
                    data.Add(kernel.Name, rows, columns);
            }
            return data;
        }
    }

    public static TheoryData<string, TensorType> KernelsAndTypes
    {
        get
        {
            var data = new TheoryData<string, TensorType>();
            foreach (var kernel in KernelRegistry.Entries)
            {
                foreach (var type in TensorTypes.Rebuildable)
                    data.Add(kernel.Name, type);
            }
            return data;
        }
    }

    /// <summary>The kernel of that name; skips the test where this machine cannot run it.</summary>
    public static IWeightKernel Get(string name)
    {
        var entry = KernelRegistry.Entries.Single(entry => entry.Name == name);
        Skip.IfNot(entry.IsAvailable(), $"Kernel {name} cannot run on this machine.");
        return entry.Create();
    }

    /// <summary>Factorises, with as many threads as the machine has.</summary>
    public static (double[] Sigma, float[] Basis) Factorize(this IWeightKernel kernel, float[] weight, MatrixShape shape)
    {
        var sigma = new double[shape.Rank];
        var basis = new float[shape.Rank * shape.Rank];
        kernel.Factorize(weight, shape, sigma, basis, Environment.ProcessorCount, CancellationToken.None);
        return (sigma, basis);
    }
}
