using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>Owns a llama_sampler. A grammar sampler reads the vocabulary of its model, so it keeps that model.</summary>
public sealed class SafeSamplerHandle : SafeHandle
{
    private readonly SafeModelHandle? _model;

    internal SafeSamplerHandle(nint sampler, SafeModelHandle? model = null) : base(0, ownsHandle: true)
    {
        bool added = false;
        model?.DangerousAddRef(ref added);
        _model = model;
        SetHandle(sampler);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LlamaNative.llama_sampler_free(handle);
        _model?.DangerousRelease();
        return true;
    }
}
