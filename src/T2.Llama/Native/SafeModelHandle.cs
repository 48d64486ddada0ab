using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>Owns a llama_model. Contexts and adapters hold a reference, so the model is freed after the last of them.</summary>
public sealed class SafeModelHandle : SafeHandle
{
    internal SafeModelHandle(nint model) : base(0, ownsHandle: true) => SetHandle(model);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LlamaNative.llama_model_free(handle);
        return true;
    }
}
