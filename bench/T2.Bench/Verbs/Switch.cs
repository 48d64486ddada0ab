using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime;
using T2.Weights;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>switch --model FILE [--factors FILE] [--rounds N] [--by pointer|copy] [--threads N] [--gpu-layers N]</c>: switching between two experts that are kept in
/// memory and back to the base, against copying as many bytes; whether memory stays flat and the base exact over 2,000 switches; the process's peak memory against base file
/// and experts; and mixtures of both experts from kept deltas. The peak is only of interest where the factors exist already.
/// </summary>
internal static class Switch
{
    private const int ManySwitches = 2000;

    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--model", "--rounds", "--factors", "--by", "--threads", "--gpu-layers");
        bool byCopy = (options.Find("--by") ?? "pointer") switch
        {
            "pointer" => false,
            "copy" => true,
            var other => throw new ArgumentException($"'{other}' is no way to switch; there are pointer and copy."),
        };
        int Number(string name, int fallback) => options.Find(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : fallback;
        RunAsync(options.Require("--model"), options.Find("--factors"), Number("--rounds", 200), byCopy, Number("--threads", 0), Number("--gpu-layers", 0)).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync(string path, string? factors, int rounds, bool byCopy, int threads, int gpuLayers)
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
                GpuLayers = gpuLayers,
            });
            Expert[] experts = [RandomExperts.Make(model, 1, 0.2f), RandomExperts.Make(model, 2, 0.2f)];
            var built = await model.ApplyAsync(experts[0]);
            await model.ApplyAsync(experts[1]);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{Path.GetFileName(path)}, by {(byCopy ? "copy" : "pointer")}: {built.Weights} weights, {built.Bytes / 1e6:0.0} MB an expert, rebuilt in {built.Elapsed.TotalSeconds:0.000} s by '{model.KernelName}'"));
            if (built.OnDevice > 0)
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"on the GPU: {built.OnDevice} weights, {built.InPlace} of them in place; {model.PreparedDeviceBytes / 1e6:0.0} MB of its memory hold the experts"));

            var flat = await StayFlatAsync(model, experts, byCopy ? ManySwitches / 10 : ManySwitches);
            using var process = Process.GetCurrentProcess();
            double floor = model.File.Length + model.PreparedBytes, peak = process.PeakWorkingSet64;
            using var copies = new Copies(built.Bytes);
            var (switches, resets, copy) = await SwitchAsync(model, experts, rounds, copies);
            Row("prepared switch, ms, median and worst", $"{Statistics.Median(switches):0.000}", $"{switches.Max():0.000}");
            Row("reset to base, ms, median and worst", $"{Statistics.Median(resets):0.000}", $"{resets.Max():0.000}");
            Row("memcpy of as many bytes, one thread, in turns, ms", $"{copy:0.00}", $"{copy / Statistics.Median(switches):P0} of its bandwidth switching, {copy / Statistics.Median(resets):P0} resetting");
            Row(flat.What, $"{flat.Before / 1e6:0.0} → {flat.After / 1e6:0.0} MB resident", $"{(flat.Exact ? "base byte-identical" : "BASE CHANGED")}");
            Row("peak memory over base file + experts kept", $"{peak / 1e6:0.0} / {floor / 1e6:0.0} MB", $"{peak / floor:0.000}");
            if (await MixAsync(model, experts, 15, copies, threads > 0 ? threads : Environment.ProcessorCount) is { } mixed)
            {
                Row("mixture of both, ms, median and worst", $"{Statistics.Median(mixed.Milliseconds):0.0}", $"{mixed.Milliseconds.Max():0.0}");
                // Each of base, two deltas and result once; a copy moves two bytes for each that it copies.
                Row(
                    "its memory traffic, MB, and share of memcpy's on as many threads, in turns", $"{mixed.Traffic / 1e6:0.0}",
                    $"{mixed.Traffic / Statistics.Median(mixed.Milliseconds) / (2 * built.Bytes / mixed.Copy):P0}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        static void Row(string what, FormattableString first, FormattableString second) => Console.WriteLine(FormattableString.Invariant($"| {what} | {FormattableString.Invariant(first)} | {FormattableString.Invariant(second)} |"));
    }

    private static async Task<(List<double> Switches, List<double> Resets, double Copy)> SwitchAsync(AdaptiveModel model, Expert[] experts, int rounds, Copies copies)
    {
        var switches = new List<double>();
        var resets = new List<double>();
        var times = new List<double>();
        for (int round = 0; round < rounds; round++)
        {
            switches.Add((await model.ApplyAsync(experts[0])).Elapsed.TotalMilliseconds);
            switches.Add((await model.ApplyAsync(experts[1])).Elapsed.TotalMilliseconds);
            long started = Stopwatch.GetTimestamp();
            await model.ResetAsync();
            resets.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            await model.ApplyAsync(experts[1]);
            if (round < 20)
                times.Add(copies.Milliseconds(threads: 1));
        }
        return (switches, resets, Statistics.Median(times));
    }

    private static async Task<(string What, long Before, long After, bool Exact)> StayFlatAsync(AdaptiveModel model, Expert[] experts, int count)
    {
        long prepared = model.PreparedBytes + model.PreparedDeviceBytes;
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
        // Reads the base's memory as a decode on it would, beside the file: so the peak is that of a base that lies in memory as a whole.
        bool isExact = model.PreparedBytes + model.PreparedDeviceBytes == prepared;
        foreach (var tensor in model.Weights.Tensors.Values)
        {
            isExact &= tensor.Shown is null && (!tensor.IsReadable || tensor.IsPristine());
            model.File.ReleasePages();
        }
        return ($"{count} switches, prepared bytes the same", before, after, isExact);
    }

    private static async Task<(List<double> Milliseconds, double Traffic, double Copy)?> MixAsync(AdaptiveModel model, Expert[] experts, int rounds, Copies copies, int threads)
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
        var copied = new List<double>();
        double traffic = 0;
        for (int round = -1; round < rounds; round++)
        {
            var report = await model.ApplyAsync(Expert.Mix([(experts[0], 0.3f + 0.01f * round), (experts[1], 0.5f)], "mixture"));
            if (report.Mixed != report.Weights)
                throw new InvalidOperationException("The mixture was rebuilt, not summed.");
            traffic = model.DeltaBytes + 2.0 * report.Bytes;
            double copy = copies.Milliseconds(threads);
            if (round < 0)
                continue;
            times.Add(report.Elapsed.TotalMilliseconds);
            copied.Add(copy);
        }
        return (times, traffic, Statistics.Median(copied));
    }

    /// <summary>memcpy from one block of huge pages to another: the baseline, in the memory that suits it best.</summary>
    private sealed unsafe class Copies : IDisposable
    {
        private readonly TensorArena _from;
        private readonly TensorArena _to;
        private readonly byte* _source;
        private readonly byte* _destination;
        private readonly long _length;

        internal Copies(long length)
        {
            _length = length;
            _from = new TensorArena(length);
            _to = new TensorArena(length);
            _source = _from.Take(length);
            _destination = _to.Take(length);
            NativeMemory.Fill(_source, (nuint)length, 1);
            NativeMemory.Fill(_destination, (nuint)length, 2);
        }

        internal double Milliseconds(int threads)
        {
            long started = Stopwatch.GetTimestamp();
            if (threads == 1)
                NativeMemory.Copy(_source, _destination, (nuint)_length);
            else
                Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, part => CopyPart(part, threads));
            return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }

        public void Dispose()
        {
            _from.Dispose();
            _to.Dispose();
        }

        private void CopyPart(int part, int parts)
        {
            long first = _length * part / parts, end = _length * (part + 1) / parts;
            NativeMemory.Copy(_source + first, _destination + first, (nuint)(end - first));
        }
    }
}
