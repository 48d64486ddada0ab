using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace T2.Llama;

/// <content>Writing quantised files.</content>
internal static unsafe partial class LlamaNative
{
    [LibraryImport(Library)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    internal static partial LlamaQuantizeParams llama_model_quantize_default_params();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    internal static partial uint llama_model_quantize(string source, string destination, LlamaQuantizeParams* parameters);
}
