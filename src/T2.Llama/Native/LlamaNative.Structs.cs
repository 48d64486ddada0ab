using System.Runtime.InteropServices;

namespace T2.Llama;

/// <summary>llama_chat_message.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LlamaChatMessageStruct
{
    public byte* Role;
    public byte* Content;
}

/// <summary>llama_token_data: one candidate token.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LlamaTokenData
{
    public int Token;
    public float Logit;
    public float Probability;
}

/// <summary>llama_token_data_array: the candidates that samplers narrow down.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LlamaTokenDataArray
{
    public LlamaTokenData* Data;
    public nuint Size;
    public long Selected; // an index into Data, not a token
    public byte Sorted;
}
