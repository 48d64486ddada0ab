using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>ggml_type_traits: what ggml knows about one tensor type.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct GgmlTypeTraits
{
    /// <summary>Name of the type, UTF-8, null-terminated.</summary>
    public byte* TypeName;

    /// <summary>Elements per block.</summary>
    public long BlockSize;

    /// <summary>Elements interleaved in a block.</summary>
    public long BlockSizeInterleave;

    /// <summary>Bytes per block.</summary>
    public nuint TypeSize;

    /// <summary>Non-zero for quantised types.</summary>
    public byte IsQuantized;

    /// <summary>Turns k elements of this type into floats: (source, destination, k). May be null.</summary>
    public delegate* unmanaged[Cdecl]<void*, float*, long, void> ToFloat;

    /// <summary>Turns k floats into this type, ggml's reference code: (source, destination, k). May be null.</summary>
    public delegate* unmanaged[Cdecl]<float*, void*, long, void> FromFloatReference;
}
