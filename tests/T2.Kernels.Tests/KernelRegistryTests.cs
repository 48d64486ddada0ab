namespace T2.Kernels.Tests;

/// <summary>Changes an environment variable of this process: its tests run one after another, and no other class reads it.</summary>
public class KernelRegistryTests
{
    [Fact]
    public void The_first_available_kernel_is_the_default()
    {
        using var _ = new Variable(null);
        Assert.Equal(KernelRegistry.Entries.First(static entry => entry.IsAvailable()).Name, KernelRegistry.Resolve().Name);
    }

    [Fact]
    public void Every_available_kernel_answers_to_its_own_name_and_says_why_it_ranks_where_it_does()
    {
        foreach (var entry in KernelRegistry.Entries)
        {
            Assert.NotEmpty(entry.Reason);
            if (entry.IsAvailable())
                Assert.Equal(entry.Name, KernelRegistry.Resolve(entry.Name.ToUpperInvariant()).Name);
        }
        Assert.Equal(KernelRegistry.Entries.Count, KernelRegistry.Entries.Select(static entry => entry.Name).Distinct().Count());
    }

    [Fact]
    public void The_argument_wins_over_the_environment_and_the_environment_over_the_order()
    {
        using var _ = new Variable("no-such-kernel");
        Assert.Equal("reference", KernelRegistry.Resolve("reference").Name);
        var error = Assert.Throws<ArgumentException>(() => KernelRegistry.Resolve());
        Assert.Contains("T2_KERNEL", error.Message, StringComparison.Ordinal);
        Environment.SetEnvironmentVariable("T2_KERNEL", " Reference ");
        Assert.Equal("reference", KernelRegistry.Resolve().Name);
    }

    [Fact]
    public void Another_kernel_is_asked_for_by_argument_or_else_by_environment()
    {
        using var _ = new Variable(null);
        Assert.False(KernelRegistry.AsksForOther("gpu", null));
        Assert.False(KernelRegistry.AsksForOther("gpu", " GPU "));
        Assert.True(KernelRegistry.AsksForOther("gpu", "native"));
        Environment.SetEnvironmentVariable("T2_KERNEL", "reference");
        Assert.True(KernelRegistry.AsksForOther("gpu", ""));
        Assert.False(KernelRegistry.AsksForOther("gpu", "gpu"));
        Assert.Equal(KernelRegistry.Entries.First(static entry => entry.IsAvailable()).Name, KernelRegistry.Best().Name);
    }

    [Fact]
    public void An_unknown_name_is_answered_with_the_names_there_are()
    {
        var error = Assert.Throws<ArgumentException>(() => KernelRegistry.Resolve("abacus"));
        Assert.Contains("'abacus'", error.Message, StringComparison.Ordinal);
        Assert.All(KernelRegistry.Entries, entry => Assert.Contains(entry.Name, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void An_unavailable_kernel_is_passed_over_but_not_forgiven_when_asked_for()
    {
        using var _ = new Variable(null);
        KernelEntry[] entries = [new("gpu", "fast", static () => false, static () => throw new NotSupportedException("No driver.")), .. KernelRegistry.Entries];
        Assert.NotEqual("gpu", KernelRegistry.Resolve(entries, null).Name);
        var error = Assert.Throws<InvalidOperationException>(() => KernelRegistry.Resolve(entries, "gpu"));
        Assert.Contains("'gpu'", error.Message, StringComparison.Ordinal);
        Assert.Contains("reference", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("No driver.", error.Message, StringComparison.Ordinal);
    }

    private sealed class Variable : IDisposable
    {
        private readonly string? _before = Environment.GetEnvironmentVariable(KernelRegistry.EnvironmentVariable);

        public Variable(string? value) => Environment.SetEnvironmentVariable(KernelRegistry.EnvironmentVariable, value);

        public void Dispose() => Environment.SetEnvironmentVariable(KernelRegistry.EnvironmentVariable, _before);
    }
}
