using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using T2.Runtime;

namespace T2.Bench.Verbs;

/// <summary>
/// <c>switch --model FILE [--rounds N]</c>: switching between two experts kept in memory and back to the base, against copying as many bytes, with the
/// process's peak memory.
/// </summary>
internal static class Switch
{
    public static int Run(ReadOnlySpan<string> args)
    {
        var options = new Options(args, "--model", "--rounds");
        RunAsync(options.Require("--model"), int.Parse(options.Find("--rounds") ?? "200", CultureInfo.InvariantCulture)).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync(string path, int rounds)
    {
        string folder = Directory.CreateTempSubdirectory("t2-bench-").FullName;
        try
        {
            await using var model = await AdaptiveModel.LoadAsync(path, new ModelOptions { FactorPath = Path.Combine(folder, "factors"), PreparedBytes = long.MaxValue });
            var experts = new[] { RandomExperts.Make(model, 1, 0.2f), RandomExperts.Make(model, 2, 0.2f) };
            var built = await model.ApplyAsync(experts[0]);
            await model.ApplyAsync(experts[1]);

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
            double copy = Statistics.Median(CopyMilliseconds(built.Bytes, 5));
            Console.WriteLine("| model | weights | MB | rebuild s | switch ms, median | switch ms, worst | reset ms, median | memcpy of as much, ms | prepared MB | peak MB |");
            Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
            using var process = Process.GetCurrentProcess();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {Path.GetFileNameWithoutExtension(path)} | {built.Weights} | {built.Bytes / 1e6:0.0} | {built.Elapsed.TotalSeconds:0.000} | {Statistics.Median(switches):0.000} | {switches.Max():0.000} | {Statistics.Median(resets):0.000} | {copy:0.00} | {model.PreparedBytes / 1e6:0.0} | {process.PeakWorkingSet64 / 1e6:0.0} |"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
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
