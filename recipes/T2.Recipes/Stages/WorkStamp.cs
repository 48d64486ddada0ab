using System.Security.Cryptography;

namespace T2.Recipes;

/// <summary>What the measurements kept in a work folder were made with. Measurements of other files must not stand in for those of the present ones.</summary>
internal static class WorkStamp
{
    /// <summary>Notes the files a work folder's measurements are of, or makes sure that they still are.</summary>
    /// <param name="work">The work folder.</param>
    /// <param name="files">Files that decide what is measured; those that are not there are left out.</param>
    /// <exception cref="InvalidOperationException">A file has changed since.</exception>
    public static void Require(string work, IEnumerable<string> files)
    {
        string path = Path.Combine(work, "measured.txt");
        var known = File.Exists(path)
            ? File.ReadAllLines(path).Select(static line => line.Split('\t')).ToDictionary(static parts => parts[1], static parts => parts[0], StringComparer.Ordinal)
            : [];
        foreach (string file in files.Where(File.Exists))
        {
            string name = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(file))) + "/" + Path.GetFileName(file);
            string hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));
            if (!known.TryAdd(name, hash) && known[name] != hash)
                throw new InvalidOperationException($"{file} is not the one that the measurements in {work} were made with; to begin anew delete {path} and the folders verdicts, choices and mixtures beside it.");
        }
        File.WriteAllLines(path, known.Select(static pair => $"{pair.Value}\t{pair.Key}"));
    }
}
