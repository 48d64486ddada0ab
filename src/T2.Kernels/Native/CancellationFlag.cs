using System.Runtime.InteropServices;

namespace T2.Kernels.Native;

/// <summary>A <see cref="CancellationToken"/> as native code sees it: an integer that turns 1. Null for a token that cannot be cancelled.</summary>
internal sealed unsafe class CancellationFlag : IDisposable
{
    private readonly CancellationTokenRegistration _registration;

    public CancellationFlag(CancellationToken token)
    {
        if (!token.CanBeCanceled)
            return;
        Pointer = (int*)NativeMemory.AllocZeroed(sizeof(int));
        _registration = token.UnsafeRegister(static state => Volatile.Write(ref *((CancellationFlag)state!).Pointer, 1), this);
    }

    public int* Pointer { get; }

    public void Dispose()
    {
        // Waits for a callback that is running, so nobody writes to freed memory.
        _registration.Dispose();
        NativeMemory.Free(Pointer);
    }
}
