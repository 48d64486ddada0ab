using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>Owns a llama_adapter_lora and keeps the model that it was loaded for.</summary>
public sealed class SafeLoraHandle : SafeHandle
{
    private readonly SafeModelHandle _model;

    internal SafeLoraHandle(nint adapter, SafeModelHandle model) : base(0, ownsHandle: true)
    {
        bool added = false;
        model.DangerousAddRef(ref added);
        _model = model;
        SetHandle(adapter);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    internal SafeModelHandle Model => _model;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LlamaNative.llama_adapter_lora_free(handle);
        _model.DangerousRelease();
        return true;
    }
}
