using System.Runtime.InteropServices;
using System.Text;
using T2.Gguf;

namespace T2.Weights;

/// <summary>
/// Offsets inside a 64-bit <c>struct ggml_tensor</c>, unchanged from 2024 to ggml 0.25. The struct is not part of ggml's public contract, so
/// <see cref="Verify"/> asks ggml itself about every tensor before its fields are believed.
/// </summary>
internal static unsafe class GgmlTensorLayout
{
    internal const int SourceCount = 10;

    /// <summary>sizeof(struct ggml_tensor): name 256..319, extra 320, padding to 336.</summary>
    internal const int Size = 336;

    private const int TypeOffset = 0;
    private const int BufferOffset = 8;
    private const int ExtentsOffset = 16;
    private const int StridesOffset = 48;
    private const int SourcesOffset = 152;
    private const int ViewSourceOffset = 232;
    private const int DataOffset = 248;
    private const int NameOffset = 256;
    private const int NameCapacity = 64;
    private const int ExtraOffset = 320;

    internal static TensorType Type(void* tensor) => (TensorType)(*(uint*)((byte*)tensor + TypeOffset));

    internal static void* Buffer(void* tensor) => *(void**)((byte*)tensor + BufferOffset);

    internal static long Extent(void* tensor, int dimension) => ((long*)((byte*)tensor + ExtentsOffset))[dimension];

    internal static void* Source(void* tensor, int index) => ((void**)((byte*)tensor + SourcesOffset))[index];

    internal static void* ViewSource(void* tensor) => *(void**)((byte*)tensor + ViewSourceOffset);

    internal static ref nint Data(void* tensor) => ref *(nint*)((byte*)tensor + DataOffset);

    /// <summary>Everything about a tensor that says what its bytes are and where.</summary>
    internal static TensorHead ReadHead(void* tensor) => new(
        Type(tensor), (nint)Buffer(tensor), (nuint)Stride(tensor, 0), (nuint)Stride(tensor, 1), (nuint)Stride(tensor, 2), (nuint)Stride(tensor, 3), Data(tensor),
        *(nint*)((byte*)tensor + ExtraOffset));

    /// <summary>Makes the tensor's bytes those of <paramref name="head"/>.</summary>
    internal static void WriteHead(void* tensor, in TensorHead head)
    {
        *(uint*)((byte*)tensor + TypeOffset) = (uint)head.Type;
        *(nint*)((byte*)tensor + BufferOffset) = head.Buffer;
        var strides = (nuint*)((byte*)tensor + StridesOffset);
        (strides[0], strides[1], strides[2], strides[3]) = (head.Stride0, head.Stride1, head.Stride2, head.Stride3);
        *(nint*)((byte*)tensor + ExtraOffset) = head.Extra;
        Data(tensor) = head.Data;
    }

    /// <summary>Whether the tensor's strides are those of a contiguous one of its type.</summary>
    internal static bool IsContiguous(void* tensor)
    {
        var info = TensorTypes.Info(Type(tensor));
        long stride = info.BlockBytes;
        if (Stride(tensor, 0) != stride || Stride(tensor, 1) != (stride = info.BytesFor(Extent(tensor, 0))))
            return false;
        return Stride(tensor, 2) == (stride *= Extent(tensor, 1)) && Stride(tensor, 3) == stride * Extent(tensor, 2);
    }

    internal static long Stride(void* tensor, int dimension) => ((long*)((byte*)tensor + StridesOffset))[dimension];

    internal static string Name(void* tensor)
    {
        var bytes = new ReadOnlySpan<byte>((byte*)tensor + NameOffset, NameCapacity);
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    /// <summary>Compares what the offsets say of <paramref name="tensor"/> with what ggml's own accessors say.</summary>
    /// <exception cref="WeightAccessException">They disagree: this ggml lays its tensors out in another way.</exception>
    internal static void Verify(void* tensor, GgmlExports ggml)
    {
        bool agrees = ggml.Name(tensor) == (byte*)tensor + NameOffset
            && ggml.Data(tensor) == (void*)Data(tensor)
            && TensorTypes.TryGetInfo(Type(tensor), out var info)
            && SizeAgrees(tensor, info, ggml.ByteLength(tensor));
        if (!agrees)
        {
            string name = Marshal.PtrToStringUTF8((nint)ggml.Name(tensor)) ?? "?";
            throw new WeightAccessException(
                $"The loaded ggml lays out struct ggml_tensor in a way T2 does not know (seen on '{name}'). T2 knows the layout of ggml up to 0.25; nothing was changed.");
        }
    }

    private static bool SizeAgrees(void* tensor, TensorTypeInfo info, long byteLength)
    {
        long rowLength = Extent(tensor, 0);
        if (rowLength <= 0 || rowLength % info.BlockLength != 0)
            return false;
        Int128 bytes = (Int128)(rowLength / info.BlockLength) * info.BlockBytes;
        for (int dimension = 1; dimension < 4; dimension++)
            bytes *= Extent(tensor, dimension);
        return bytes == byteLength;
    }
}
