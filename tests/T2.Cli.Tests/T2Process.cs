using T2.TestKit;

namespace T2.Cli.Tests;

/// <summary>Runs the built <c>t2</c> as a user's shell would.</summary>
internal static class T2Process
{
    /// <summary>What a test's environment must not decide.</summary>
    private static readonly Dictionary<string, string?> Environment = new()
    {
        ["T2_DEBUG"] = null,
        ["T2_KERNEL"] = null,
        ["T2_KERNELS_LIBRARY"] = null,
        ["NO_COLOR"] = null,
    };

    /// <summary>The program that runs .NET assemblies, and the assembly.</summary>
    internal static string Host { get; } = System.Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet";

    internal static string Assembly { get; } = Path.Combine(AppContext.BaseDirectory, "t2.dll");

    internal static Task<TestProcessResult> RunAsync(params string[] arguments) => RunWithInputAsync(null, arguments);

    /// <summary>Runs it with an environment variable set.</summary>
    internal static Task<TestProcessResult> RunWithVariableAsync(string variable, string value, params string[] arguments) =>
        TestProcess.RunAsync(Host, [Assembly, .. arguments], environment: new Dictionary<string, string?>(Environment) { [variable] = value });

    internal static Task<TestProcessResult> RunWithInputAsync(string? input, params string[] arguments) =>
        TestProcess.RunAsync(Host, [Assembly, .. arguments], input, environment: Environment);

    /// <summary>Runs it and demands success.</summary>
    internal static async Task<TestProcessResult> SucceedAsync(params string[] arguments)
    {
        var result = await RunAsync(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result;
    }

    /// <summary>Demands that it failed as a program should: the code, nothing on stdout, one line on stderr that says what was wrong.</summary>
    internal static void AssertFailure(TestProcessResult result, int code, params string[] fragments)
    {
        Assert.True(result.ExitCode == code, result.ToString());
        Assert.Equal("", result.StandardOutput);
        string line = Assert.Single(result.StandardError.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("t2: error: ", line, StringComparison.Ordinal);
        foreach (string fragment in fragments)
            Assert.Contains(fragment, line, StringComparison.Ordinal);
    }
}
