using System.Xml.Linq;
using T2.TestKit;

namespace T2.Runtime.Tests;

/// <summary>The projects read as the architecture: dependencies point one way, and the folders are where README says.</summary>
public sealed class ArchitectureTests
{
    /// <summary>Needs a package that the default registry does not serve.</summary>
    private const string OutsideTheBuild = "T2.LLamaSharp";

    /// <summary>Every project under src/ and all it may reference directly.</summary>
    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["T2.Gguf"] = [],
        ["T2.Llama"] = [],
        ["T2.Tasks"] = [],
        ["T2.Charts"] = [],
        ["T2.Kernels"] = ["T2.Gguf"],
        ["T2.Kernels.Gpu"] = ["T2.Gguf", "T2.Kernels"],
        ["T2.Kernels.Gpu.Compiler"] = ["T2.Kernels.Gpu"],
        ["T2.Weights"] = ["T2.Gguf"],
        ["T2.Runtime"] = ["T2.Gguf", "T2.Kernels", "T2.Kernels.Gpu", "T2.Llama", "T2.Tasks", "T2.Weights"],
        ["T2.Training"] = ["T2.Tasks", "T2.Charts", "T2.Gguf", "T2.Kernels", "T2.Llama", "T2.Weights", "T2.Runtime"],
        ["T2.Evaluation"] = ["T2.Tasks", "T2.Charts", "T2.Gguf", "T2.Kernels", "T2.Llama", "T2.Weights", "T2.Runtime"],
        ["T2.LLamaSharp"] = ["T2.Runtime"],
        ["T2.Cli"] = ["T2.Evaluation", "T2.Tasks", "T2.Charts", "T2.Gguf", "T2.Kernels", "T2.Kernels.Gpu", "T2.Llama", "T2.Weights", "T2.Runtime", "T2.Training"],
    };

    public static TheoryData<string> Projects => [.. ProjectsUnder("src")];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_only_what_lies_below_it(string project)
    {
        Assert.True(s_allowed.TryGetValue(project, out var allowed), $"src/{project} has no place in the architecture; give it one in {nameof(ArchitectureTests)}.");
        var unexpected = ReferencesOf("src", project).Except(allowed);
        Assert.True(!unexpected.Any(), $"{project} must not reference {string.Join(", ", unexpected)}.");
    }

    [Fact]
    public void Every_project_of_the_architecture_exists()
    {
        Assert.Equal(s_allowed.Keys.Order(StringComparer.Ordinal), ProjectsUnder("src"));
    }

    [Fact]
    public void The_bridge_to_LLamaSharp_stays_outside_the_default_build()
    {
        Assert.DoesNotContain(OutsideTheBuild, File.ReadAllText(Path.Combine(RepositoryRoot.Path, "T2.sln")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_test_kit_needs_nothing_but_the_file_format()
    {
        Assert.Equal(["T2.Gguf"], ReferencesOf("tests", "T2.TestKit"));
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "T2.sln"));
        string[] folders = ["src", "tests", "bench"];
        foreach (var folder in folders)
        {
            foreach (var project in ProjectsUnder(folder).Where(static project => project != OutsideTheBuild))
                Assert.Contains($@"""{folder}\{project}\{project}.csproj""", solution, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("T2.sln")]
    [InlineData("Directory.Build.props")]
    [InlineData("Directory.Packages.props")]
    [InlineData("global.json")]
    [InlineData("CMakeLists.txt")]
    [InlineData("LICENSE")]
    [InlineData("bench")]
    [InlineData("native")]
    [InlineData("src/T2.Cli")]
    [InlineData("src/T2.Gguf")]
    [InlineData("src/T2.Kernels")]
    [InlineData("src/T2.Runtime")]
    [InlineData("tests")]
    public void The_repository_is_laid_out_as_designed(string path)
    {
        Assert.True(Path.Exists(Path.Combine(RepositoryRoot.Path, path)), $"{path} is missing.");
    }

    private static IEnumerable<string> ProjectsUnder(string folder) =>
        Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, folder), "*.csproj", SearchOption.AllDirectories)
            .Select(static file => Path.GetFileNameWithoutExtension(file))
            .Order(StringComparer.Ordinal);

    private static IEnumerable<string> ReferencesOf(string folder, string project) =>
        XDocument.Load(Path.Combine(RepositoryRoot.Path, folder, project, project + ".csproj"))
            .Descendants("ProjectReference")
            .Select(static reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));
}
