using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>
/// llama.h of v0.5.0, one file per area. Nothing here checks anything: llama.cpp answers most wrong arguments by ending the
/// process, so the classes around it check first.
/// </summary>
internal static unsafe partial class LlamaNative
{
    internal const string Library = "llama";

    [LibraryImport(Library)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    internal static partial void llama_backend_init();

    [LibraryImport(Library)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    internal static partial nuint llama_max_parallel_sequences();

    [LibraryImport(Library)]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    internal static partial byte* llama_print_system_info();
}
