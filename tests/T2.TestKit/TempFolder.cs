namespace T2.TestKit;

/// <summary>A new, empty folder that is deleted with all it holds when disposed.</summary>
public sealed class TempFolder : IDisposable
{
    /// <summary>Full path of the folder.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("t2-test-").FullName;

    /// <summary>Full path of <paramref name="name"/> inside the folder. Creates nothing.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }
}
