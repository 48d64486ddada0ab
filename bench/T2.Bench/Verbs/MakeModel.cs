using System.Diagnostics;
using System.Globalization;
using T2.TestKit;

namespace T2.Bench.Verbs;

/// <summary><c>make-model --preset NAME [--type TYPE] [--seed N] -o FILE</c>: writes a model with random weights at real shapes.</summary>
internal static class MakeModel
{
    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--preset", "--type", "--seed", "-o");
        var preset = options.Require("--preset");
        if (!SyntheticModelSpec.Presets.TryGetValue(preset, out var spec))
            throw new ArgumentException($"Unknown preset '{preset}'; known are {string.Join(", ", SyntheticModelSpec.Presets.Keys)}.");
        spec = spec.WithType(options.Find("--type") ?? "f16");
        if (options.Find("--seed") is { } seed)
        {
            spec = spec with
            {
                Seed = ulong.TryParse(seed, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                    ? number
                    : throw new ArgumentException($"Seed '{seed}' is not a whole number."),
            };
        }
        var path = options.Require("-o");

        var watch = Stopwatch.StartNew();
        SyntheticModel.Write(path, spec);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path}: {new FileInfo(path).Length:N0} bytes in {watch.Elapsed.TotalSeconds:F1} s"));
        return 0;
    }
}
