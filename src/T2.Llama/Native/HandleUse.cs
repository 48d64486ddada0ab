using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>Keeps a handle from being freed while pointers into what it owns are used.</summary>
internal readonly ref struct HandleUse
{
    private readonly SafeHandle _handle;

    /// <exception cref="ObjectDisposedException">The handle is closed.</exception>
    public HandleUse(SafeHandle handle)
    {
        bool added = false;
        handle.DangerousAddRef(ref added);
        _handle = handle;
    }

    public void Dispose() => _handle.DangerousRelease();
}
