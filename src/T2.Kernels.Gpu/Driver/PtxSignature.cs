using System.Globalization;
using System.Text.RegularExpressions;

namespace T2.Kernels.Gpu.Driver;

/// <summary>Sizes of a kernel's parameters, read from its PTX: the driver takes bare pointers to them and would read whatever lies there.</summary>
internal static partial class PtxSignature
{
    /// <summary>Bytes of each parameter of the one entry point in <paramref name="ptx"/>.</summary>
    public static int[] Parse(string ptx)
    {
        var start = ptx.IndexOf(".entry", StringComparison.Ordinal);
        var end = ptx.IndexOf(')', start);
        return [.. Parameter().Matches(ptx[start..end]).Select(static match =>
            match.Groups["bytes"].Success
                ? int.Parse(match.Groups["bytes"].ValueSpan, CultureInfo.InvariantCulture)
                : int.Parse(match.Groups["bits"].ValueSpan, CultureInfo.InvariantCulture) / 8)];
    }

    /// <summary>Bytes an argument takes.</summary>
    public static int SizeOf(KernelArgument argument) => argument.Kind switch
    {
        KernelArgumentKind.View => 16,
        KernelArgumentKind.Address or KernelArgumentKind.Double => 8,
        _ => 4,
    };

    // ".param .align 8 .b8 _x_0[16]", ".param .b32 _n_1", ".param .f64 _f_2".
    [GeneratedRegex(@"\.param (\.align \d+ )?\.[bsuf](?<bits>\d+) \w+(\[(?<bytes>\d+)\])?")]
    private static partial Regex Parameter();
}
