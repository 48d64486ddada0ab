using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using T2.Kernels;

namespace T2.Gpu.Tests;

/// <summary>
/// The functions of cuBLAS and cuSOLVER that T2's benchmark calls, under their C signatures, computing on host memory as NVIDIA's manuals say: matrices by
/// columns, C = A·B of m×k and k×n. Writes every call down. One test at a time.
/// </summary>
internal static unsafe class FakeCudaLibrary
{
    /// <summary>Every call and what matters of its arguments.</summary>
    public static List<string> Calls { get; } = [];

    /// <summary>What calls of a function return in place of 0.</summary>
    public static (string Function, int Status) Failing { get; set; }

    /// <summary>Added to every value of a product, to see that a wrong one is noticed.</summary>
    public static float Fault { get; set; }

    /// <summary>What cuSOLVER leaves in <c>info</c>: not 0 where it did not converge.</summary>
    public static int Info { get; set; }

    public static void Reset()
    {
        Calls.Clear();
        (Failing, Fault, Info) = (default, 0, 0);
    }

    public static nint Find(string function) => function switch
    {
        "cublasCreate_v2" or "cusolverDnCreate" => (nint)(delegate* unmanaged<nint*, int>)&Create,
        "cublasDestroy_v2" or "cusolverDnDestroy" => (nint)(delegate* unmanaged<nint, int>)&Destroy,
        "cublasSetStream_v2" or "cusolverDnSetStream" => (nint)(delegate* unmanaged<nint, nint, int>)&SetStream,
        "cublasSgemm_v2" => (nint)(delegate* unmanaged<nint, int, int, int, int, int, float*, float*, int, float*, int, float*, float*, int, int>)&Sgemm,
        "cublasGemmEx" => (nint)(delegate* unmanaged<nint, int, int, int, int, int, void*, void*, int, int, void*, int, int, void*, void*, int, int, int, int, int>)&GemmEx,
        "cusolverDnCreateGesvdjInfo" => (nint)(delegate* unmanaged<nint*, int>)&CreateParameters,
        "cusolverDnDestroyGesvdjInfo" => (nint)(delegate* unmanaged<nint, int>)&DestroyParameters,
        "cusolverDnDgesvdj_bufferSize" => (nint)(delegate* unmanaged<nint, int, int, int, int, double*, int, double*, double*, int, double*, int, int*, nint, int>)&Workspace,
        "cusolverDnDgesvdj" => (nint)(delegate* unmanaged<nint, int, int, int, int, double*, int, double*, double*, int, double*, int, double*, int, int*, nint, int>)&Gesvdj,
        _ => throw new EntryPointNotFoundException(function),
    };

    [UnmanagedCallersOnly]
    private static int Create(nint* handle)
    {
        *handle = 0x11;
        return Log("Create");
    }

    [UnmanagedCallersOnly]
    private static int Destroy(nint handle) => Log($"Destroy {handle:x}");

    [UnmanagedCallersOnly]
    private static int SetStream(nint handle, nint stream) => Log($"SetStream {handle:x} {stream:x}");

    [UnmanagedCallersOnly]
    private static int CreateParameters(nint* parameters)
    {
        *parameters = 0x22;
        return Log("CreateParameters");
    }

    [UnmanagedCallersOnly]
    private static int DestroyParameters(nint parameters) => Log($"DestroyParameters {parameters:x}");

    [UnmanagedCallersOnly]
    private static int Sgemm(nint handle, int transA, int transB, int m, int n, int k, float* alpha, float* a, int lda, float* b, int ldb, float* beta, float* c, int ldc)
    {
        for (int column = 0; column < n; column++)
        {
            for (int row = 0; row < m; row++)
            {
                double sum = Fault;
                for (int i = 0; i < k; i++)
                    sum += (double)a[row + ((long)i * lda)] * b[i + ((long)column * ldb)];
                c[row + ((long)column * ldc)] = (*alpha * (float)sum) + *beta;
            }
        }
        return Log($"Sgemm {handle:x} {transA} {transB} {m} {n} {k}");
    }

    [UnmanagedCallersOnly]
    private static int GemmEx(
        nint handle, int transA, int transB, int m, int n, int k, void* alpha, void* a, int typeA, int lda, void* b, int typeB, int ldb, void* beta, void* c, int typeC, int ldc,
        int compute, int algorithm) => Log($"GemmEx {m} {n} {k} types {typeA} {typeB} {typeC} rows {lda} {ldb} {ldc} compute {compute} algorithm {algorithm}");

    [UnmanagedCallersOnly]
    private static int Workspace(nint handle, int job, int thin, int m, int n, double* a, int lda, double* s, double* u, int ldu, double* v, int ldv, int* length, nint parameters)
    {
        *length = 7;
        return Log($"Workspace {m} {n}");
    }

    [UnmanagedCallersOnly]
    private static int Gesvdj(
        nint handle, int job, int thin, int m, int n, double* a, int lda, double* s, double* u, int ldu, double* v, int ldv, double* work, int length, int* info, nint parameters)
    {
        var shape = new MatrixShape(m, n);
        var rows = new float[shape.Length];
        for (int index = 0; index < rows.Length; index++)
            rows[index] = (float)a[(index / n) + ((long)(index % n) * lda)];
        new ReferenceKernel().Factorize(rows, shape, new Span<double>(s, shape.Rank), new float[shape.Rank * shape.Rank], 1, CancellationToken.None);
        *info = Info;
        return Log($"Gesvdj {job} {thin} {m} {n} lda {lda} ldu {ldu} ldv {ldv} work {length} {parameters:x}");
    }

    private static int Log(string call, [CallerMemberName] string function = "")
    {
        Calls.Add(call);
        return Failing.Function == function ? Failing.Status : 0;
    }
}
