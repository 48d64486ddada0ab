using T2.Gguf;
using T2.Gguf.Experts;
using T2.Runtime;

namespace T2.Cli;

/// <summary>Experts by name or by file: what the command line calls an expert.</summary>
internal static class ExpertCatalog
{
    /// <summary>Adds expert files, and the expert files of folders, to a library. Other GGUF files in a folder are passed over with a note.</summary>
    internal static void AddTo(ExpertLibrary library, IEnumerable<string> paths, Terminal terminal)
    {
        foreach (string path in paths)
        {
            if (!Directory.Exists(path))
            {
                Add(library, path);
                continue;
            }
            int before = library.Experts.Count;
            foreach (string file in Directory.EnumerateFiles(path, "*.gguf").Order(StringComparer.Ordinal))
            {
                if (IsExpert(file))
                    Add(library, file);
                else
                    terminal.Note($"{file} is not an expert; passed over.");
            }
            if (library.Experts.Count == before)
                throw new BadFileException($"{path}: the folder holds no expert files (*.gguf).");
        }
    }

    /// <summary>Finds an expert by its name in the library, or loads it from a file.</summary>
    internal static Expert Find(ExpertLibrary library, string nameOrFile)
    {
        if (library.TryGet(nameOrFile, out var known))
            return known;
        bool looksLikeFile = nameOrFile.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || nameOrFile.Contains(Path.DirectorySeparatorChar);
        if (looksLikeFile || File.Exists(nameOrFile))
            return Expert.Load(nameOrFile);
        string names = library.Experts.Count == 0
            ? "no experts are loaded (--experts)"
            : "loaded are " + string.Join(", ", library.Experts.Select(static expert => expert.Name));
        throw new UsageException($"'{nameOrFile}' is neither the name of a loaded expert nor a file; {names}.");
    }

    /// <summary>Mixes experts given by name or file.</summary>
    internal static Adaptation Mix(ExpertLibrary library, IReadOnlyList<WeightedName> recipe)
    {
        var parts = recipe.Select(part => (Find(library, part.Name), part.Weight)).ToArray();
        try
        {
            return Adaptation.Mixture(parts);
        }
        catch (ArgumentException exception)
        {
            throw new MisfitException(Failure.WithoutParameter(exception), exception);
        }
    }

    private static void Add(ExpertLibrary library, string path)
    {
        try
        {
            library.Load(path);
        }
        catch (ArgumentException exception)
        {
            throw new UsageException($"{path}: {Failure.WithoutParameter(exception)}");
        }
    }

    /// <summary>Whether a GGUF file is an SVF expert, whole or damaged.</summary>
    internal static bool IsExpert(string path)
    {
        using var file = GgufFile.Open(path);
        return file.Metadata.TryGetString("adapter.type", out string? type) && type == "svf";
    }
}
