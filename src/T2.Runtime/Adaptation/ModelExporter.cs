using System.Runtime.InteropServices;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;

namespace T2.Runtime;

/// <summary>Writes an adapted model as an ordinary GGUF that stock llama.cpp loads, with the same bytes the runtime would have live.</summary>
public static class ModelExporter
{
    /// <summary>Metadata key naming the expert in an exported model.</summary>
    public const string ExpertKey = "t2.exported.expert";

    /// <summary>Metadata key holding the base's fingerprint in an exported model.</summary>
    public const string BaseKey = "t2.exported.base_fingerprint";

    /// <summary>Copies <paramref name="model"/> with the weights of <paramref name="expert"/> rebuilt. The file appears whole or not at all.</summary>
    /// <param name="model">The base.</param>
    /// <param name="fingerprint">The base's <see cref="WeightFingerprint"/>.</param>
    /// <param name="expert">An expert that <see cref="ExpertFit.Verify"/> has accepted for the base.</param>
    /// <param name="factors">Factors of at least the weights the expert adapts.</param>
    /// <param name="kernel">Rebuilds.</param>
    /// <param name="path">Where to.</param>
    /// <param name="threads">Threads a rebuild may use, ≥ 1.</param>
    /// <param name="cancellation">Cancels; nothing is left behind.</param>
    /// <exception cref="IOException"><paramref name="path"/> is the base itself, or cannot be written.</exception>
    public static void Export(
        GgufFile model, string fingerprint, Expert expert, FactorStore factors, IWeightKernel kernel, string path, int threads, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentNullException.ThrowIfNull(factors);
        ArgumentNullException.ThrowIfNull(kernel);
        if (string.Equals(Path.GetFullPath(path), Path.GetFullPath(model.Path), StringComparison.Ordinal))
            throw new IOException($"'{path}' is the base model itself; write the adapted model to another file.");

        var writer = new GgufWriter(model.Alignment);
        writer.CopyMetadata(model.Metadata);
        writer.SetMetadata(ExpertKey, expert.Name);
        writer.SetMetadata(BaseKey, fingerprint);
        foreach (var tensor in model.Tensors)
        {
            writer.AddTensor(tensor.Name, tensor.Type, [.. tensor.Dimensions], stream =>
            {
                cancellation.ThrowIfCancellationRequested();
                WriteTensor(stream, model, tensor, expert, factors, kernel, threads, cancellation);
            });
        }
        writer.WriteTo(path);
    }

    private static unsafe void WriteTensor(
        Stream stream, GgufFile model, GgufTensor tensor, Expert expert, FactorStore factors, IWeightKernel kernel, int threads, CancellationToken cancellation)
    {
        if (!expert.Vectors.TryGetValue(tensor.Name, out var z) || z.Span.IndexOfAnyExcept(1f) < 0)
        {
            WritePristine(stream, model.GetPointer(tensor), tensor.ByteLength);
            return;
        }
        if (!factors.TryGet(tensor.Name, out var matrix))
            throw new InvalidOperationException($"Weight '{tensor.Name}' has no factors in the sidecar file; factor it first.");
        int length = checked((int)tensor.ByteLength);
        byte* rebuilt = (byte*)NativeMemory.AlignedAlloc((nuint)length, 64);
        try
        {
            kernel.Rebuild(
                new RebuildJob
                {
                    Source = model.GetData(tensor),
                    SourceType = tensor.Type,
                    Shape = matrix.Shape,
                    Basis = matrix.Basis.Span,
                    Z = z.Span,
                    Destination = new Span<byte>(rebuilt, length),
                    DestinationType = tensor.Type,
                },
                threads,
                cancellation);
            stream.Write(new ReadOnlySpan<byte>(rebuilt, length));
        }
        finally
        {
            NativeMemory.AlignedFree(rebuilt);
        }
    }

    private static unsafe void WritePristine(Stream stream, byte* data, long length)
    {
        const int Chunk = 1 << 26;
        for (long offset = 0; offset < length; offset += Chunk)
            stream.Write(new ReadOnlySpan<byte>(data + offset, (int)Math.Min(Chunk, length - offset)));
    }
}
