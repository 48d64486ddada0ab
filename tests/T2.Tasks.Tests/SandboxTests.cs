using System.Diagnostics;

namespace T2.Tasks.Tests;

/// <summary>That limits hold: each program tries to break one.</summary>
public sealed class SandboxTests
{
    private static readonly SandboxLimits s_limits = new() { Time = TimeSpan.FromSeconds(8), ProcessorSeconds = 2, Memory = 256L << 20, FileLength = 1 << 20 };

    [SkippableFact]
    public async Task A_program_that_does_what_it_should_finishes()
    {
        SkipWithout();
        Assert.Equal(new SandboxResult(0, true, null), await Sandbox.RunPythonAsync("import math\nassert math.sqrt(4) == 2", s_limits));
    }

    [SkippableFact]
    public async Task An_endless_loop_is_ended_by_processor_time()
    {
        SkipWithout();
        var result = await Sandbox.RunPythonAsync("while True: pass", s_limits);
        Assert.False(result.Finished);
        Assert.NotEqual(0, result.ExitCode);
    }

    [SkippableFact]
    public async Task A_sleeper_is_ended_by_the_clock_with_all_it_started()
    {
        SkipWithout();
        string marker = $"t2sleep{Guid.NewGuid():N}";
        var clock = Stopwatch.StartNew();
        var result = await Sandbox.RunPythonAsync(
            $"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)', '{marker}'])\ntime.sleep(300)",
            s_limits with { Time = TimeSpan.FromSeconds(1.5) });
        Assert.Null(result.ExitCode);
        Assert.False(result.Finished);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "it was waited for");
        Assert.DoesNotContain(Directory.EnumerateDirectories("/proc"), folder => CommandLine(folder).Contains(marker, StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task A_memory_hog_gets_no_more_than_its_share()
    {
        SkipWithout();
        var result = await Sandbox.RunPythonAsync("x = bytearray(600 * 1024 * 1024)", s_limits);
        Assert.False(result.Finished);
        Assert.Contains("MemoryError", result.Complaint, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("import socket\nsocket.create_connection(('127.0.0.1', 9), 2)")]
    [InlineData("import socket\nsocket.create_connection(('192.0.2.1', 80), 2)")]
    [InlineData("import socket\nsocket.gethostbyname('localhost.example')")]
    public async Task The_network_is_out_of_reach(string program)
    {
        SkipWithout();
        var result = await Sandbox.RunPythonAsync(program, s_limits);
        Assert.False(result.Finished);
        Assert.Matches("unreachable|resolution|not known", result.Complaint);
    }

    [SkippableFact]
    public async Task Even_a_server_on_this_machine_is_out_of_reach()
    {
        SkipWithout();
        using var server = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        server.Start();
        int port = ((System.Net.IPEndPoint)server.LocalEndpoint).Port;
        var result = await Sandbox.RunPythonAsync($"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)", s_limits);
        Assert.False(result.Finished);
        Assert.False(server.Pending(), "a connection came through");
    }

    [SkippableFact]
    public async Task Files_outside_its_folder_cannot_be_written_and_inside_only_up_to_the_limit()
    {
        SkipWithout();
        string outside = Path.Combine(Path.GetTempPath(), $"t2-outside-{Guid.NewGuid():N}");
        var written = await Sandbox.RunPythonAsync($"open('{outside}', 'w')", s_limits);
        Assert.False(written.Finished);
        Assert.False(File.Exists(outside));
        Assert.True((await Sandbox.RunPythonAsync("open('inside', 'w').write('x' * 1000)", s_limits)).Finished);
        Assert.False((await Sandbox.RunPythonAsync("open('inside', 'w').write('x' * 5000000)", s_limits)).Finished);
    }

    [SkippableFact]
    public async Task The_environment_and_other_processes_are_out_of_sight()
    {
        SkipWithout();
        Environment.SetEnvironmentVariable("T2_SANDBOX_SECRET", "hidden");
        Assert.True((await Sandbox.RunPythonAsync("import os\nassert 'T2_SANDBOX_SECRET' not in os.environ\nassert os.getpid() < 10", s_limits)).Finished);
    }

    [SkippableTheory]
    [InlineData("def add(a, b):\n    return a + b", true)]
    [InlineData("Here it is:\n```python\ndef add(a, b):\n    return a + b\n```\nDone.", true)]
    [InlineData("    return a + b", true)]
    [InlineData("def add(a, b):\n    return a - b", false)]
    [InlineData("import os\nos._exit(0)", false)]
    [InlineData("raise SystemExit(0)", false)]
    [InlineData("def add(a, b): return a +", false)]
    [InlineData("", false)]
    public async Task Code_is_right_when_it_passes_the_tests_and_only_then(string said, bool correct)
    {
        SkipWithout();
        var item = new TaskItem("1", "Add.", $"def add(a, b):\n{ProgramVerifier.TestsMark}\nassert add(2, 3) == 5\n");
        var verdict = await Verifier.Create("python").VerifyAsync(item, said);
        Assert.True(correct == verdict.Correct, verdict.Problem);
        Assert.Equal(correct, verdict.Problem is null);
    }

    private static void SkipWithout() => Skip.If(Sandbox.Problem is not null, Sandbox.Problem);

    private static string CommandLine(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
