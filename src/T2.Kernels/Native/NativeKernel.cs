using System.Runtime.InteropServices;
using T2.Kernels.Native;

namespace T2.Kernels;

/// <summary>
/// The C++ kernels in <c>native/</c>: AVX2, AVX-512, AVX-512 with dot products and NEON, chosen by the CPU at run time.
/// <para>
/// Factorise: fp64 Gram matrix, Householder tridiagonalisation, divide and conquer. σ to 10⁻¹¹ relative or 10⁻¹⁴·σ₁; vectors orthogonal to 10⁻¹⁴ before they
/// are rounded to fp32.
/// </para>
/// <para>
/// Rebuild: the delta is computed in fixed point of 8 or 16 bits where that changes the final error by less than a tenth of the destination's own rounding,
/// else in fp32. Before quantising, W' is within 3·10⁻²·rms(z−1)·‖W‖ (8 bits), 4·10⁻⁴·rms(z−1)·‖W‖ (16 bits) or 10⁻⁶·‖W‖ (fp32: F32 destinations) of
/// U·diag(σ⊙z)·Vᵀ, as measured on Gaussian weights. The quantisers give ggml's very bytes.
/// </para>
/// </summary>
public sealed unsafe class NativeKernel : IMixtureKernel
{
    /// <exception cref="DllNotFoundException">The native library is absent or of another version; the message lists every place looked at.</exception>
    public NativeKernel()
    {
        if (NativeLibraryLoader.Failure is { } failure)
            throw new DllNotFoundException(failure);
        InstructionSet = Text(NativeMethods.GetIsa());
    }

    /// <summary>Whether the native library is there and of this version.</summary>
    public static bool IsAvailable => NativeLibraryLoader.Failure is null;

    /// <inheritdoc/>
    public string Name => "native";

    /// <summary>The instruction set in use: <c>avx512bf16</c>, <c>avx512</c>, <c>avx2</c>, <c>neon</c> or <c>scalar</c>.</summary>
    public string InstructionSet { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A span's length does not fit the shape.</exception>
    /// <exception cref="FactorizationException">The weight holds values that are not finite, or the iteration did not converge.</exception>
    public void Factorize(ReadOnlySpan<float> weight, MatrixShape shape, Span<double> singularValues, Span<float> basis, int threads, CancellationToken cancellation)
    {
        KernelArguments.CheckFactorize(weight, shape, singularValues, basis, threads);
        cancellation.ThrowIfCancellationRequested();
        using var flag = new CancellationFlag(cancellation);
        fixed (float* w = weight, b = basis)
        fixed (double* sigma = singularValues)
        {
            var status = NativeMethods.Factorize(w, shape.Rows, shape.Columns, sigma, b, threads, flag.Pointer);
            if (status is NativeStatus.NotFinite or NativeStatus.Internal)
                throw new FactorizationException(LastError());
            Check(status, cancellation);
        }
    }

    /// <inheritdoc/>
    public void ReleaseWorkspaces() => _ = NativeMethods.ReleaseWorkspaces();

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Something about the job does not fit together: lengths, types, overlap, z. Nothing has been written.</exception>
    public void Rebuild(in RebuildJob job, int threads, CancellationToken cancellation)
    {
        KernelArguments.CheckRebuild(job, threads);
        cancellation.ThrowIfCancellationRequested();
        using var flag = new CancellationFlag(cancellation);
        fixed (byte* source = job.Source, destination = job.Destination)
        fixed (float* basis = job.Basis, z = job.Z)
        {
            Check(
                NativeMethods.Rebuild(
                    source, (uint)job.SourceType, job.Shape.Rows, job.Shape.Columns, basis, z, destination, (uint)job.DestinationType, arithmetic: 0, threads, flag.Pointer),
                cancellation);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Something about the job does not fit together. Nothing has been written.</exception>
    public void Delta(in RebuildJob job, int threads, CancellationToken cancellation)
    {
        KernelArguments.CheckRebuild(job, threads);
        cancellation.ThrowIfCancellationRequested();
        using var flag = new CancellationFlag(cancellation);
        fixed (byte* source = job.Source, destination = job.Destination)
        fixed (float* basis = job.Basis, z = job.Z)
        {
            Check(
                NativeMethods.Delta(
                    source, (uint)job.SourceType, job.Shape.Rows, job.Shape.Columns, basis, z, destination, (uint)job.DestinationType, arithmetic: 0, threads, flag.Pointer),
                cancellation);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Something about the job does not fit together. Nothing has been written.</exception>
    public void Mix(in MixJob job, int threads, CancellationToken cancellation)
    {
        KernelArguments.CheckMix(job, threads);
        cancellation.ThrowIfCancellationRequested();
        using var flag = new CancellationFlag(cancellation);
        fixed (byte* source = job.Source, destination = job.Destination)
        fixed (nint* deltas = job.Deltas)
        fixed (float* alpha = job.Alpha)
        {
            Check(
                NativeMethods.Mix(
                    source, (uint)job.SourceType, job.Shape.Rows, job.Shape.Columns, job.Deltas.Length, deltas, (uint)job.DeltaType, alpha, destination,
                    (uint)job.DestinationType, threads, flag.Pointer),
                cancellation);
        }
    }

    internal static void Check(NativeStatus status, CancellationToken cancellation)
    {
        switch (status)
        {
            case NativeStatus.Ok:
                return;
            case NativeStatus.Cancelled:
                throw new OperationCanceledException(cancellation);
            case NativeStatus.NoMemory:
                throw new InsufficientMemoryException(LastError());
            case NativeStatus.Invalid or NativeStatus.Unsupported or NativeStatus.NotFinite:
                throw new ArgumentException(LastError());
            default:
                throw new InvalidOperationException($"Native kernels: {LastError()}");
        }
    }

    private static string LastError() => Text(NativeMethods.GetLastError());

    private static string Text(byte* value) => Marshal.PtrToStringUTF8((nint)value) ?? "";
}
