using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace T2.Tasks;

/// <summary>
/// Runs Python programs that nobody has read, on Linux: in namespaces of their own (no network but a loopback that is down, no other processes in sight, every file
/// system read-only but one temporary folder), with limits on time, memory and files, and an empty environment. It keeps accidents and simple malice in; it is no
/// defence against flaws of the kernel, and the program can read what its user can read.
/// </summary>
public static class Sandbox
{
    private const string Interpreter = "python3";

    // A mount that cannot be made read-only is passed over, unless it is the root: then nothing runs.
    private const string Script =
        """
        set -e
        mount --make-rprivate /
        mount --bind "$1" "$1"
        while read -r _ _ _ _ target _; do
          target=$(printf '%b' "$target")
          case "$target" in "$1"|"$1"/*|/proc|/proc/*) continue;; esac
          mount -o remount,bind,ro "$target" 2>/dev/null || [ "$target" != / ]
        done < /proc/self/mountinfo
        cd "$1"
        exec prlimit --cpu="$2" --as="$3" --fsize="$4" --nofile=64 --core=0 -- python3 -I -B program.py >/dev/null 2>errors.txt </dev/null
        """;

    private static readonly string[] s_namespaces = ["--user", "--map-root-user", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"];

    private static readonly Lazy<string?> s_problem = new(Probe);

    /// <summary>Why programs cannot be run here; null when they can.</summary>
    public static string? Problem => s_problem.Value;

    /// <summary>Runs a program.</summary>
    /// <param name="program">Python source.</param>
    /// <param name="limits">What it may use; null = the defaults.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="PlatformNotSupportedException">There is no sandbox here; nothing was run.</exception>
    public static async Task<SandboxResult> RunPythonAsync(string program, SandboxLimits? limits = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(program);
        return Problem is { } problem
            ? throw new PlatformNotSupportedException($"Programs cannot be run: {problem}")
            : await RunAsync(program, limits ?? new SandboxLimits(), cancellation).ConfigureAwait(false);
    }

    private static async Task<SandboxResult> RunAsync(string program, SandboxLimits limits, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("t2-sandbox-");
        try
        {
            // A program that leaves early, with whatever exit code, has not passed what comes after.
            string mark = $"finished-{Guid.NewGuid():N}";
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "program.py"), $"{program}\nopen('{mark}', 'w').close()\n", cancellation).ConfigureAwait(false);
            int? code = await StartAsync(folder.FullName, limits, cancellation).ConfigureAwait(false);
            return new SandboxResult(code, File.Exists(Path.Combine(folder.FullName, mark)), LastLine(Path.Combine(folder.FullName, "errors.txt")));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<int?> StartAsync(string folder, SandboxLimits limits, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("unshare") { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[.. s_namespaces, "sh", "-c", Script, "sh", folder, Text(limits.ProcessorSeconds), Text(limits.Memory), Text(limits.FileLength)])
            start.ArgumentList.Add(argument);
        string? path = Environment.GetEnvironmentVariable("PATH");
        start.Environment.Clear();
        start.Environment["PATH"] = path;
        start.Environment["HOME"] = folder;
        using var process = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(limits.Time);
        try
        {
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return process.ExitCode;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            if (!process.HasExited)
            {
                // The first process of the program's namespace dies with unshare, and all others in it with that.
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private static string? Probe()
    {
        if (!OperatingSystem.IsLinux())
            return "the sandbox needs Linux's namespaces.";
        try
        {
            var result = RunAsync("import socket\ntry:\n  open('/t2-sandbox-probe', 'w')\n  raise SystemExit(9)\nexcept OSError: pass", new SandboxLimits(), default).GetAwaiter().GetResult();
            return result.Finished
                ? null
                : $"unshare, mount, prlimit or {Interpreter} is missing or not permitted ({result.Complaint ?? string.Create(CultureInfo.InvariantCulture, $"exit code {result.ExitCode}")}).";
        }
        catch (Exception exception) when (exception is Win32Exception or IOException or UnauthorizedAccessException)
        {
            return $"unshare cannot be started ({exception.Message}).";
        }
    }

    private static string? LastLine(string path)
    {
        if (!File.Exists(path))
            return null;
        using var reader = new StreamReader(path);
        string? last = null;
        while (reader.ReadLine() is { } line)
        {
            if (!string.IsNullOrWhiteSpace(line))
                last = line.Length <= 300 ? line : line[..300];
        }
        return last;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
