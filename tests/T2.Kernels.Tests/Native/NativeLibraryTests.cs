using T2.Kernels.Native;
using T2.TestKit;

namespace T2.Kernels.Tests;

public class NativeLibraryTests
{
    [Fact]
    public void Every_attempt_to_load_is_reported()
    {
        using var folder = new TempFolder();
        var absent = folder.File("absent.so");
        var broken = folder.File("broken.so");
        File.WriteAllText(broken, "not a library");
        var (handle, failure) = NativeLibraryLoader.Open([absent, broken]);
        Assert.Equal(0, handle);
        Assert.Contains($"{absent}: no such file", failure, StringComparison.Ordinal);
        Assert.Contains($"{broken}: ", failure, StringComparison.Ordinal);
        Assert.Contains("T2_KERNELS_LIBRARY", failure, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void The_library_says_which_instruction_set_it_uses()
    {
        Skip.IfNot(NativeKernel.IsAvailable, NativeLibraryLoader.Failure ?? "");
        Assert.Contains(new NativeKernel().InstructionSet, (string[])["scalar", "avx2", "avx512", "avx512bf16", "neon"]);
    }

    [SkippableFact]
    public void A_call_under_way_can_be_cancelled()
    {
        Skip.IfNot(NativeKernel.IsAvailable, NativeLibraryLoader.Failure ?? "");
        var shape = new MatrixShape(1500, 1400);
        var weight = TestMatrix.Normal(shape, seed: 1);
        using var source = new CancellationTokenSource();
        // A thread of its own: the pool's timers can be late while other tests keep it busy.
        var canceller = new Thread(() =>
        {
            Thread.Sleep(20);
            source.Cancel();
        });
        canceller.Start();
        Assert.ThrowsAny<OperationCanceledException>(() => new NativeKernel().Factorize(
            weight, shape, new double[shape.Rank], new float[shape.Rank * shape.Rank], 2, source.Token));
        canceller.Join();
    }
}
