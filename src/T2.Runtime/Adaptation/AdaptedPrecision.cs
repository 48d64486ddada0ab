using T2.Gguf;
using T2.Weights;

namespace T2.Runtime;

/// <summary>The type that adapted weights live in. A coarse type's rounding swallows most of a small change; a finer one keeps it, for more memory and slower decoding.</summary>
public enum AdaptedPrecision
{
    /// <summary>Each weight's own type, as in the file.</summary>
    Base,

    /// <summary>Q8_0 where the base's type has fewer bits, else the base's type.</summary>
    Q8,

    /// <summary>F16 where the base's type has fewer bits, else the base's type.</summary>
    Half,

    /// <summary>F32: what the others are measured against.</summary>
    Single,
}

/// <summary>Which type a weight gets.</summary>
internal static class AdaptedPrecisionRules
{
    /// <summary>The type of a weight's versions: never one of fewer bits than its own, and its own where the finer one is not possible.</summary>
    internal static TensorType TypeFor(LiveTensor tensor, AdaptedPrecision precision)
    {
        var own = tensor.Stored.Type;
        var finer = precision switch
        {
            AdaptedPrecision.Base => own,
            AdaptedPrecision.Q8 => TensorType.Q8_0,
            AdaptedPrecision.Half => TensorType.F16,
            AdaptedPrecision.Single => TensorType.F32,
            _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "There is no such precision."),
        };
        return BitsOf(finer) > BitsOf(own) && tensor.CanBe(finer) ? finer : own;
    }

    private static double BitsOf(TensorType type) => 8.0 * TensorTypes.Info(type).BlockBytes / TensorTypes.Info(type).BlockLength;
}
