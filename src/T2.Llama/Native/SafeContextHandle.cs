using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>Owns a llama_context and keeps its model and the adapters set on it until it is freed.</summary>
public sealed class SafeContextHandle : SafeHandle
{
    private readonly SafeModelHandle _model;
    private GCHandle _callbackState;
    private IReadOnlyList<SafeLoraHandle> _adapters = [];

    internal SafeContextHandle(nint context, SafeModelHandle model, GCHandle callbackState) : base(0, ownsHandle: true)
    {
        bool added = false;
        model.DangerousAddRef(ref added);
        _model = model;
        _callbackState = callbackState;
        SetHandle(context);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    internal SafeModelHandle Model => _model;

    /// <summary>Runs a call that makes the context use these adapters, keeping them and letting go of those before.</summary>
    internal void ReplaceAdapters(IReadOnlyList<SafeLoraHandle> adapters, Action set)
    {
        int added = 0;
        try
        {
            for (; added < adapters.Count; added++)
            {
                bool success = false;
                adapters[added].DangerousAddRef(ref success);
            }

            set();
        }
        catch
        {
            Release(adapters.Take(added));
            throw;
        }

        Release(_adapters);
        _adapters = adapters;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LlamaNative.llama_free(handle);
        _callbackState.Free();
        Release(_adapters);
        _model.DangerousRelease();
        return true;
    }

    private static void Release(IEnumerable<SafeLoraHandle> adapters)
    {
        foreach (SafeLoraHandle adapter in adapters)
            adapter.DangerousRelease();
    }
}
