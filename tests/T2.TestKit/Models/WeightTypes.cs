using System.Globalization;
using T2.Gguf;

namespace T2.TestKit;

/// <summary>Which type each matrix of a model gets, as llama.cpp's quantiser would choose.</summary>
public static class WeightTypes
{
    /// <summary>Every matrix in one type.</summary>
    public static Func<string, TensorType> Uniform(TensorType type) => _ => type;

    /// <summary>llama.cpp's Q4_K_M: Q4_K, but Q6_K for the output matrix and, in about half of the blocks, for attn_v (or attn_qkv) and ffn_down.</summary>
    /// <param name="layers">Blocks in the model.</param>
    /// <param name="tied">Whether the token embedding is the output matrix.</param>
    public static Func<string, TensorType> Q4_K_M(int layers, bool tied) => name =>
    {
        if (name == "output.weight" || (tied && name == "token_embd.weight"))
            return TensorType.Q6_K;
        var sensitive = name.EndsWith("attn_v.weight", StringComparison.Ordinal)
            || name.EndsWith("attn_qkv.weight", StringComparison.Ordinal)
            || name.EndsWith("ffn_down.weight", StringComparison.Ordinal);
        return sensitive && GetsMoreBits(LayerOf(name), layers) ? TensorType.Q6_K : TensorType.Q4_K;
    };

    /// <summary>The type, or the mixture for a model like <paramref name="spec"/>, that <paramref name="name"/> stands for.</summary>
    /// <exception cref="ArgumentException">No such type, or one that cannot be written without an importance matrix.</exception>
    public static Func<string, TensorType> Parse(string name, SyntheticModelSpec spec)
    {
        if (name.Equals("q4_k_m", StringComparison.OrdinalIgnoreCase))
            return Q4_K_M(spec.Layers, spec.TieEmbeddings);
        if (TensorTypes.TryParse(name, out var type) && TensorTypes.Info(type).CanRebuild)
            return Uniform(type);
        var known = string.Join(", ", TensorTypes.Rebuildable.Select(static t => TensorTypes.Info(t).Name.ToLowerInvariant()));
        throw new ArgumentException($"Type '{name}' is not one of {known}, q4_k_m.");
    }

    /// <summary><paramref name="wanted"/>, or what llama.cpp writes instead when rows of <paramref name="rowLength"/> are not whole blocks of it.</summary>
    public static TensorType Fit(TensorType wanted, long rowLength)
    {
        if (Divides(wanted))
            return wanted;
        var smaller = wanted switch
        {
            TensorType.Q2_K or TensorType.Q3_K => TensorType.Q4_0,
            TensorType.Q4_K => TensorType.Q5_0,
            TensorType.Q5_K => TensorType.Q5_1,
            TensorType.Q6_K => TensorType.Q8_0,
            _ => TensorType.F16,
        };
        return Divides(smaller) ? smaller : TensorType.F16;

        bool Divides(TensorType type) => rowLength % TensorTypes.Info(type).BlockLength == 0;
    }

    private static bool GetsMoreBits(int layer, int layers) =>
        layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;

    private static int LayerOf(string name) => int.Parse(name.Split('.')[1], CultureInfo.InvariantCulture);
}
