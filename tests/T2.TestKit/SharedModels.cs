namespace T2.TestKit;

/// <summary>Small trained models that lie beside the checkout on some machines; tests that want them skip elsewhere.</summary>
public static class SharedModels
{
    /// <summary>What a skipped test says.</summary>
    public const string Missing = "The shared models are not on this machine (set T2_TEST_MODELS to their folder).";

    /// <summary>The full path of <paramref name="fileName"/>, or null where it is absent.</summary>
    public static string? TryFind(string fileName)
    {
        foreach (string folder in Folders())
        {
            string path = Path.Combine(folder, fileName);
            if (File.Exists(path))
                return path;
        }

        return null;
    }

    private static IEnumerable<string> Folders()
    {
        if (Environment.GetEnvironmentVariable("T2_TEST_MODELS") is { Length: > 0 } folder)
            yield return folder;
        // A worktree lies one folder deeper than the main checkout, so every ancestor is asked.
        for (var parent = Directory.GetParent(RepositoryRoot.Path); parent is not null; parent = parent.Parent)
            yield return Path.Combine(parent.FullName, "shared", "models");
    }
}
