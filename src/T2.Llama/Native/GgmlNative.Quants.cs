using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace T2.Llama;

#pragma warning disable CA1401 // Public on purpose: thin access to ggml is what this class is for.

/// <content>Tensor types and quantisation.</content>
public static unsafe partial class GgmlNative
{
    /// <summary>Bytes that the data of a ggml_tensor takes. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial nuint ggml_nbytes(nint tensor);

    /// <summary>Bytes that a row of elements takes in a type; the count must be whole blocks. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial nuint ggml_row_size(int type, long elements);

    /// <summary>Quantises whole rows from source[start] on into destination, which holds all of them; returns the bytes written. importance may be null except for the IQ1/IQ2 types, which end the process without it. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial nuint ggml_quantize_chunk(int type, float* source, void* destination, long start, long rows, long elementsPerRow, float* importance);

    /// <summary>What ggml knows about a type; the type must be below ggml's GGML_TYPE_COUNT. Thread-safe.</summary>
    [LibraryImport(Base)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial GgmlTypeTraits* ggml_get_type_traits(int type);
}
