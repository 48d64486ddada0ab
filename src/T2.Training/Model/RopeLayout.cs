namespace T2.Training;

/// <summary>Which two values of a head a rotary embedding turns together.</summary>
public enum RopeLayout
{
    /// <summary>Neighbours: (0, 1), (2, 3), … (llama).</summary>
    Normal,

    /// <summary>One of each half: (0, n/2), (1, n/2 + 1), … (qwen2).</summary>
    NeoX,
}
