using System.Runtime.InteropServices;

namespace T2.Bench;

/// <summary>The machine's OpenBLAS, if it has one: a baseline and an oracle, never a dependency. Matrices are column-major, as LAPACK has them.</summary>
internal sealed unsafe partial class OpenBlas
{
    private readonly delegate* unmanaged<byte*, int*, int*, double*, int*, double*, double*, int*, double*, int*, double*, int*, int*, int*, nuint, void> _dgesdd;

    private OpenBlas(nint library)
    {
        _dgesdd = (delegate* unmanaged<byte*, int*, int*, double*, int*, double*, double*, int*, double*, int*, double*, int*, int*, int*, nuint, void>)
            NativeLibrary.GetExport(library, "dgesdd_");
    }

    /// <summary>Loads it; null where it is not installed.</summary>
    public static OpenBlas? TryLoad() => NativeLibrary.TryLoad("libopenblas.so.0", out nint library) ? new OpenBlas(library) : null;

    /// <summary>Thin SVD of a column-major m×n matrix in fp64: U is m×r, Vᵀ is r×n, both column-major. Overwrites <paramref name="a"/>.</summary>
    public (double[] U, double[] Sigma, double[] Vt) Svd(double[] a, int m, int n)
    {
        int r = Math.Min(m, n);
        var u = new double[(long)m * r];
        var sigma = new double[r];
        var vt = new double[(long)r * n];
        var integers = new int[8 * r];
        byte job = (byte)'S';
        int info, query = -1;
        double size;
        fixed (double* pa = a, pu = u, ps = sigma, pv = vt)
        fixed (int* pi = integers)
        {
            _dgesdd(&job, &m, &n, pa, &m, ps, pu, &m, pv, &r, &size, &query, pi, &info, 1);
            int length = (int)size;
            var work = new double[length];
            fixed (double* pw = work)
                _dgesdd(&job, &m, &n, pa, &m, ps, pu, &m, pv, &r, pw, &length, pi, &info, 1);
        }
        return info == 0 ? (u, sigma, vt) : throw new InvalidOperationException($"dgesdd failed with {info}.");
    }
}
