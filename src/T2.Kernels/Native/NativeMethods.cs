using System.Runtime.InteropServices;

namespace T2.Kernels.Native;

/// <summary><c>native/include/t2kernels.h</c>, line by line. <see cref="NativeLibraryLoader"/> finds the library.</summary>
internal static unsafe partial class NativeMethods
{
    public const string Library = "t2kernels";

    /// <summary><c>T2K_ABI_VERSION</c> these declarations were written for.</summary>
    public const int AbiVersion = 3;

    [LibraryImport(Library, EntryPoint = "t2k_abi_version")]
    public static partial int GetAbiVersion();

    [LibraryImport(Library, EntryPoint = "t2k_last_error")]
    public static partial byte* GetLastError();

    [LibraryImport(Library, EntryPoint = "t2k_isa")]
    public static partial byte* GetIsa();

    [LibraryImport(Library, EntryPoint = "t2k_release_workspaces")]
    public static partial long ReleaseWorkspaces();

    [LibraryImport(Library, EntryPoint = "t2k_factorize")]
    public static partial NativeStatus Factorize(float* weight, long rows, long columns, double* sigma, float* basis, int threads, int* cancel);

    [LibraryImport(Library, EntryPoint = "t2k_rebuild")]
    public static partial NativeStatus Rebuild(
        byte* source, uint sourceType, long rows, long columns, float* basis, float* z, byte* destination, uint destinationType, int arithmetic, int threads, int* cancel);

    [LibraryImport(Library, EntryPoint = "t2k_delta")]
    public static partial NativeStatus Delta(
        byte* source, uint sourceType, long rows, long columns, float* basis, float* z, byte* destination, uint destinationType, int arithmetic, int threads, int* cancel);

    [LibraryImport(Library, EntryPoint = "t2k_mix")]
    public static partial NativeStatus Mix(
        byte* source, uint sourceType, long rows, long columns, int count, nint* deltas, uint deltaType, float* alpha, byte* destination, uint destinationType, int threads, int* cancel);

    [LibraryImport(Library, EntryPoint = "t2k_sgemm")]
    public static partial NativeStatus Sgemm(int transposeA, int transposeB, long m, long n, long k, float* a, long lda, float* b, long ldb, int accumulate, float* c, long ldc);

    [LibraryImport(Library, EntryPoint = "t2k_sgemm_packed_length")]
    public static partial long SgemmPackedLength(long n, long k);

    [LibraryImport(Library, EntryPoint = "t2k_sgemm_pack")]
    public static partial NativeStatus SgemmPack(int transposeB, long n, long k, float* b, long ldb, float* packed);

    [LibraryImport(Library, EntryPoint = "t2k_sgemm_packed")]
    public static partial NativeStatus SgemmPacked(int transposeA, long m, long n, long k, float* a, long lda, float* packed, int accumulate, float* c, long ldc);
}

/// <summary><c>enum t2k_status</c>.</summary>
internal enum NativeStatus
{
    Ok = 0,
    Invalid = 1,
    NoMemory = 2,
    Cancelled = 3,
    Unsupported = 4,
    NotFinite = 5,
    Internal = 6,
}
