namespace T2.Llama;

/// <summary>llama_ftype: mixtures of types that llama.cpp makes whole models in.</summary>
public enum LlamaFileType
{
    /// <summary>F16 matrices.</summary>
    F16 = 1,

    /// <summary>Q4_0 matrices.</summary>
    Q4_0 = 2,

    /// <summary>Q8_0 matrices.</summary>
    Q8_0 = 7,

    /// <summary>Q4_K, with Q6_K for part of the value and down projections and the output.</summary>
    Q4_K_M = 15,

    /// <summary>Q5_K, with Q6_K for part of the value and down projections and the output.</summary>
    Q5_K_M = 17,

    /// <summary>Q6_K matrices.</summary>
    Q6_K = 18,
}
