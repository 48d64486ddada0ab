using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using T2.TestKit;

namespace T2.Bench;

/// <summary>Baselines in Python: runs a script of <c>bench/python</c> and reads the JSON that it prints.</summary>
internal static class PythonProcess
{
    /// <param name="python">The interpreter.</param>
    /// <param name="script">File name under <c>bench/python</c>.</param>
    /// <param name="threads">What OpenMP and OpenBLAS may use.</param>
    /// <param name="blas">Folder of the BLAS build to use; empty = the system's.</param>
    /// <param name="arguments">The script's.</param>
    /// <exception cref="IOException">The interpreter does not start, or the script fails.</exception>
    public static JsonDocument Run(string python, string script, int threads, string blas, params ReadOnlySpan<string> arguments)
    {
        var path = Path.Combine(RepositoryRoot.Path, "bench", "python", script);
        var start = new ProcessStartInfo(python) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(path);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        if (blas.Length > 0)
            start.Environment["LD_LIBRARY_PATH"] = blas;
        start.Environment["OMP_NUM_THREADS"] = start.Environment["OPENBLAS_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        using var process = Process.Start(start) ?? throw new IOException($"{python} did not start.");
        var error = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? JsonDocument.Parse(text) : throw new IOException($"{python} {path} failed: {error.Result.Trim()}");
    }
}
