using System.Diagnostics;
using System.Reflection;
using T2.TestKit;

namespace T2.Kernels.Tests;

public class FactorStoreSharingTests
{
    [Fact]
    public async Task Of_two_runs_at_once_one_computes_and_the_other_waits()
    {
        using var model = new TinyModel();
        using var secondWaits = new ManualResetEventSlim();
        using var firstBegan = new ManualResetEventSlim();
        var kernel = new ProbeKernel
        {
            Before = _ =>
            {
                firstBegan.Set();
                Assert.True(secondWaits.Wait(TimeSpan.FromSeconds(30)), "the second run never said that it waits");
            },
        };
        var written = default(DateTime);
        var first = Task.Run(() =>
        {
            var store = model.Store(kernel);
            written = File.GetLastWriteTimeUtc(model.StorePath);
            return store;
        });
        Assert.True(firstBegan.Wait(TimeSpan.FromSeconds(30)));
        var log = new ProgressLog
        {
            On = report =>
            {
                if (report.Note?.Contains("waiting for another process", StringComparison.Ordinal) == true)
                    secondWaits.Set();
            },
        };
        var idle = new ProbeKernel();
        var second = Task.Run(() => model.Store(idle, progress: log));
        using var one = await first;
        using var two = await second;
        Assert.Equal((8, 0), (kernel.Calls, idle.Calls));
        Assert.Equal(written, File.GetLastWriteTimeUtc(model.StorePath));
        two.Verify();
    }

    [Fact]
    public async Task Waiting_can_be_cancelled()
    {
        using var model = new TinyModel();
        using var release = new ManualResetEventSlim();
        using var firstBegan = new ManualResetEventSlim();
        var first = Task.Run(() => model.Store(new ProbeKernel
        {
            Before = _ =>
            {
                firstBegan.Set();
                Assert.True(release.Wait(TimeSpan.FromSeconds(30)));
            },
        }));
        Assert.True(firstBegan.Wait(TimeSpan.FromSeconds(30)));
        using var cancel = new CancellationTokenSource();
        var log = new ProgressLog { On = _ => cancel.Cancel() };
        Assert.ThrowsAny<OperationCanceledException>(() => model.Store(progress: log, cancellation: cancel.Token));
        Assert.Single(log.Notes);
        release.Set();
        (await first).Dispose();
    }

    [Fact]
    public async Task Many_runs_at_once_all_get_a_whole_store()
    {
        using var model = new TinyModel();
        var kernel = new ProbeKernel();
        var stores = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => model.Store(kernel))));
        Assert.Equal(8, kernel.Calls);
        foreach (var store in stores)
        {
            store.Verify();
            store.Dispose();
        }
        Assert.Equal(2, Directory.GetFiles(model.Folder).Length);
    }

    [Fact]
    public async Task A_second_process_waits_for_the_first()
    {
        using var model = new TinyModel();
        Task<TestProcessResult> other;
        var kernel = new ProbeKernel();
        using var otherWaits = new ManualResetEventSlim();
        kernel = new ProbeKernel { Before = _ => Assert.True(otherWaits.Wait(TimeSpan.FromSeconds(60)), "the second process never said that it waits") };
        var here = Task.Run(() => model.Store(kernel));
        while (!File.Exists(model.StorePath + ".lock"))
            await Task.Delay(5);
        var (fileName, arguments) = Command(model);
        other = Task.Run(async () =>
        {
            using var process = Start(fileName, arguments);
            var text = "";
            while (await process.StandardOutput.ReadLineAsync() is { } line)
            {
                text += line + "\n";
                if (line.Contains("waiting for another process", StringComparison.Ordinal))
                    otherWaits.Set();
            }
            await process.WaitForExitAsync();
            return new TestProcessResult(process.ExitCode, text, await process.StandardError.ReadToEndAsync());
        });
        (await here).Dispose();
        var result = await other;
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("computed 0", result.StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_killed_process_leaves_its_finished_weights_and_no_lock()
    {
        using var model = new TinyModel();
        var (fileName, arguments) = Command(model, weights: 3);
        using var process = Start(fileName, arguments);
        var finished = 0;
        while (finished < 3 && await process.StandardOutput.ReadLineAsync() is { } line)
            finished = line.StartsWith("finished ", StringComparison.Ordinal) ? finished + 1 : finished;
        process.Kill();
        await process.WaitForExitAsync();
        Assert.True(finished == 3, await process.StandardError.ReadToEndAsync());
        Assert.False(File.Exists(model.StorePath));

        var kernel = new ProbeKernel();
        using var store = model.Store(kernel);
        Assert.Equal(5, kernel.Calls);
        store.Verify();
        Assert.Equal(8, store.WeightNames.Count);
    }

    /// <summary>This test assembly's own Main, see Program.cs. After so many weights it waits to be killed, however long that takes on a busy machine.</summary>
    private static (string FileName, string[] Arguments) Command(TinyModel model, int weights = int.MaxValue) =>
        ("dotnet", ["exec", Assembly.GetExecutingAssembly().Location, model.File.Path, model.StorePath, $"{weights}"]);

    private static Process Start(string fileName, string[] arguments) =>
        Process.Start(new ProcessStartInfo(fileName, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
}
