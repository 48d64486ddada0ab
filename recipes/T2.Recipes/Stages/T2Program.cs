using System.Diagnostics;

namespace T2.Recipes;

/// <summary>The t2 program that was built with the recipe: experts are trained and measured by the commands a user has.</summary>
internal static class T2Program
{
    /// <summary>Runs a command and waits for it; what it says goes where the recipe's own words go.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static void Run(IReadOnlyList<string> arguments, TextWriter log, CancellationToken cancellation)
    {
        log.WriteLine("t2 " + string.Join(' ', arguments));
        string program = Path.Combine(AppContext.BaseDirectory, "t2.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, .. arguments])) ?? throw new InvalidOperationException("t2 did not start.");
        using var stop = cancellation.Register(process.Kill);
        process.WaitForExit();
        cancellation.ThrowIfCancellationRequested();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"t2 {arguments[0]} ended with exit code {process.ExitCode}.");
    }
}
