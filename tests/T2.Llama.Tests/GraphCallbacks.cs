using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace T2.Llama.Tests;

/// <summary>An evaluation callback that cancels a decode from the middle of its graph.</summary>
internal static unsafe class CancelInGraph
{
    public static CancellationTokenSource? Source { get; set; }

    public static nint Pointer => (nint)(delegate* unmanaged[Cdecl]<void*, byte, void*, byte>)&OnNode;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte OnNode(void* tensor, byte ask, void* userData)
    {
        Source?.Cancel();
        return 0; // the result of the node is not wanted
    }
}

/// <summary>An evaluation callback that runs an action while a decode is under way.</summary>
internal static unsafe class CallInGraph
{
    public static Action? Action { get; set; }

    public static nint Pointer => (nint)(delegate* unmanaged[Cdecl]<void*, byte, void*, byte>)&OnNode;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte OnNode(void* tensor, byte ask, void* userData)
    {
        Action?.Invoke();
        return 0; // the result of the node is not wanted
    }
}
