using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>
/// The fields of llama_model_quantize_params that T2 sets, which every version has had first, with room for the rest: the library fills in its own defaults and is
/// given the whole back.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 512)]
internal struct LlamaQuantizeParams
{
    public int Threads;
    public int FileType;
}
