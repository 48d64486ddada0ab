namespace T2.TestKit;

/// <summary>Finds the checkout the tests run from.</summary>
public static class RepositoryRoot
{
    private static readonly Lazy<string> Found = new(Find);

    /// <summary>The folder that holds T2.sln.</summary>
    public static string Path => Found.Value;

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "T2.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"No T2.sln above {AppContext.BaseDirectory}; tests run from a checkout.");
    }
}
