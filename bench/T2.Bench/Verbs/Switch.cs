using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>switch --model FILE [--factors FILE] [--rounds N] [--by pointer|copy] [--threads N]</c>: switching between two experts that are kept in memory and back
/// to the base, against copying as many bytes; whether memory stays flat and the base exact over 2,000 switches; the process's peak memory against base file
/// and experts; and mixtures of both experts from kept deltas. The peak is only of interest where the factors exist already.
/// </summary>
internal static class Switch
{
    private const int ManySwitches = 2000;

    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--model", "--rounds", "--factors", "--by", "--threads");
        bool byCopy = (options.Find("--by") ?? "pointer") switch
        {
            "pointer" => false,
            "copy" => true,
            var other => throw new ArgumentException($"'{other}' is no way to switch; there are pointer and copy."),
        };
        int Number(string name, int fallback) => options.Find(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : fallback;
        RunAsync(options.Require("--model"), options.Find("--factors"), Number("--rounds", 200), byCopy, Number("--threads", 0)).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync(string path, string? factors, int rounds, bool byCopy, int threads)
    {
        string folder = Directory.CreateTempSubdirectory("t2-bench-").FullName;
        try
        {
            await using var model = await AdaptiveModel.LoadAsync(path, new ModelOptions
            {
                FactorPath = factors ?? Path.Combine(folder, "factors"),
                PreparedBytes = long.MaxValue,
                LoadMode = byCopy ? LlamaLoadMode.None : LlamaLoadMode.Auto,
                SwitchByCopy = byCopy,
                AdaptationThreads = threads,
            });
            Expert[] experts = [RandomExperts.Make(model, 1, 0.2f), RandomExperts.Make(model, 2, 0.2f)];
            var built = await model.ApplyAsync(experts[0]);
            await model.ApplyAsync(experts[1]);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{Path.GetFileName(path)}, by {(byCopy ? "copy" : "pointer")}: {built.Weights} weights, {built.Bytes / 1e6:0.0} MB an expert, rebuilt in {built.Elapsed.TotalSeconds:0.000} s by '{model.KernelName}'"));

            var (switches, resets) = await SwitchAsync(model, experts, rounds);
            var flat = await StayFlatAsync(model, experts, byCopy ? ManySwitches / 10 : ManySwitches);
            using var process = Process.GetCurrentProcess();
            double floor = model.File.Length + model.PreparedBytes, peak = process.PeakWorkingSet64;
            double copy = Statistics.Median(CopyMilliseconds(built.Bytes, 9));
            var mixtures = await MixAsync(model, experts, 15);

            Row("prepared switch, ms, median and worst", $"{Statistics.Median(switches):0.000}", $"{switches.Max():0.000}");
            Row("reset to base, ms, median and worst", $"{Statistics.Median(resets):0.000}", $"{resets.Max():0.000}");
            Row("memcpy of as many bytes, ms, one thread", $"{copy:0.00}", $"{copy / Statistics.Median(switches):P0} of its bandwidth");
            Row(flat.What, $"{flat.Before / 1e6:0.0} → {flat.After / 1e6:0.0} MB resident", $"{(flat.Exact ? "base byte-identical" : "BASE CHANGED")}");
            Row("peak memory over base file + experts kept", $"{peak / 1e6:0.0} / {floor / 1e6:0.0} MB", $"{peak / floor:0.000}");
            if (mixtures is { } mixed)
            {
                Row("mixture of both, ms, median and worst", $"{Statistics.Median(mixed.Milliseconds):0.0}", $"{mixed.Milliseconds.Max():0.0}");
                // Each of base, two deltas and result once; a copy moves two bytes for each that it copies.
                Row("its memory traffic, MB and share of memcpy's", $"{mixed.Traffic / 1e6:0.0}", $"{mixed.Traffic / Statistics.Median(mixed.Milliseconds) / (2 * built.Bytes / copy):P0}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        static void Row(string what, FormattableString first, FormattableString second) => Console.WriteLine(FormattableString.Invariant($"| {what} | {FormattableString.Invariant(first)} | {FormattableString.Invariant(second)} |"));
    }

    private static async Task<(List<double> Switches, List<double> Resets)> SwitchAsync(AdaptiveModel model, Expert[] experts, int rounds)
    {
        var switches = new List<double>();
        var resets = new List<double>();
        for (int round = 0; round < rounds; round++)
        {
            switches.Add((await model.ApplyAsync(experts[0])).Elapsed.TotalMilliseconds);
            switches.Add((await model.ApplyAsync(experts[1])).Elapsed.TotalMilliseconds);
            long started = Stopwatch.GetTimestamp();
            await model.ResetAsync();
            resets.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            await model.ApplyAsync(experts[1]);
        }
        return (switches, resets);
    }

    private static async Task<(string What, long Before, long After, bool Exact)> StayFlatAsync(AdaptiveModel model, Expert[] experts, int count)
    {
        long prepared = model.PreparedBytes;
        GC.Collect();
        long before = Environment.WorkingSet;
        for (int round = 0; round < count; round++)
        {
            await model.ApplyAsync(experts[round % 2]);
            if (round % 5 == 0)
                await model.ResetAsync();
        }
        await model.ResetAsync();
        GC.Collect();
        long after = Environment.WorkingSet;
        bool isExact = model.PreparedBytes == prepared && model.Weights.Tensors.Values.All(static tensor => tensor.Shown is null && (!tensor.IsReadable || tensor.IsPristine()));
        return ($"{count} switches, prepared bytes the same", before, after, isExact);
    }

    private static async Task<(List<double> Milliseconds, double Traffic)?> MixAsync(AdaptiveModel model, Expert[] experts, int rounds)
    {
        try
        {
            await model.KeepDeltasAsync(experts);
        }
        catch (NotSupportedException exception)
        {
            Console.WriteLine($"mixtures: not measured: {exception.Message}");
            return null;
        }
        var times = new List<double>();
        double traffic = 0;
        for (int round = -1; round < rounds; round++)
        {
            var report = await model.ApplyAsync(Expert.Mix([(experts[0], 0.3f + 0.01f * round), (experts[1], 0.5f)], "mixture"));
            if (report.Mixed != report.Weights)
                throw new InvalidOperationException("The mixture was rebuilt, not summed.");
            traffic = model.DeltaBytes + 2.0 * report.Bytes;
            if (round >= 0)
                times.Add(report.Elapsed.TotalMilliseconds);
        }
        return (times, traffic);
    }

    private static unsafe List<double> CopyMilliseconds(long bytes, int rounds)
    {
        byte* source = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64), destination = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        NativeMemory.Fill(source, (nuint)bytes, 1);
        NativeMemory.Fill(destination, (nuint)bytes, 2);
        var times = new List<double>();
        for (int round = 0; round < rounds; round++)
        {
            long started = Stopwatch.GetTimestamp();
            NativeMemory.Copy(source, destination, (nuint)bytes);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        NativeMemory.AlignedFree(source);
        NativeMemory.AlignedFree(destination);
        return times;
    }
}
