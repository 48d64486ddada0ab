using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>Carries the progress of a load from llama.cpp's callback to the caller, and the caller's wish to stop back.</summary>
internal sealed class LoadProgress(IProgress<float>? progress, CancellationToken cancellationToken)
{
    /// <summary>What the caller's progress handler threw; it stops the load.</summary>
    public Exception? Failure { get; private set; }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static unsafe byte OnProgress(float fraction, void* userData)
    {
        var state = (LoadProgress)GCHandle.FromIntPtr((nint)userData).Target!;
        return state.Report(fraction) ? (byte)1 : (byte)0;
    }

    private bool Report(float fraction)
    {
        try
        {
            progress?.Report(fraction);
            return !cancellationToken.IsCancellationRequested;
        }
        catch (Exception e)
        {
            Failure = e; // must not unwind into native code; Load rethrows it as a cause
            return false;
        }
    }
}
