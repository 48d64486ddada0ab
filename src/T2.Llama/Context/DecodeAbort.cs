using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>Lets a cancellation token stop a decode: llama.cpp asks between graph nodes. Lives as long as its context.</summary>
internal sealed class DecodeAbort
{
    private CancellationToken _token;

    public void Arm(CancellationToken token) => _token = token;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static unsafe byte ShouldAbort(void* userData)
    {
        var state = (DecodeAbort)GCHandle.FromIntPtr((nint)userData).Target!;
        return state._token.IsCancellationRequested ? (byte)1 : (byte)0;
    }
}
