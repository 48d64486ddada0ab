using T2.TestKit;

namespace T2.Runtime.Tests;

/// <summary>README's example, compiled and run as it stands there.</summary>
[Collection(ModelCollection.Name)]
public sealed class ReadmeExample(ModelFixture models)
{
    [Fact]
    public async Task The_example_in_README_runs()
    {
        string folder = Directory.CreateTempSubdirectory("t2-readme-").FullName;
        string before = Directory.GetCurrentDirectory();
        var output = Console.Out;
        try
        {
            File.Copy(models.Model("F16"), Path.Combine(folder, "model.gguf"));
            await using (var made = await AdaptiveModel.LoadAsync(Path.Combine(folder, "model.gguf")))
            {
                TestModels.RandomExpert(made, "math", 1).Save(Path.Combine(folder, "math.gguf"));
                TestModels.RandomExpert(made, "code", 2).Save(Path.Combine(folder, "code.gguf"));
            }
            Directory.SetCurrentDirectory(folder);
            using var said = new StringWriter();
            Console.SetOut(said);
            await RunAsync();
            Assert.Contains("first token after", said.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            Console.SetOut(output);
            Directory.SetCurrentDirectory(before);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_example_in_README_is_the_one_that_runs()
    {
        string readme = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "README.md"));
        string source = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "tests", "T2.Runtime.Tests", "ReadmeExample.cs"));
        string block = readme.Split("```csharp\n")[1].Split("```")[0];
        int lines = block.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
        Assert.InRange(lines, 5, 9);
        Assert.Contains(Squeeze(block), Squeeze(source), StringComparison.Ordinal);
    }

    private static async Task RunAsync()
    {
        await using var model = await AdaptiveModel.LoadAsync("model.gguf");
        model.Experts.Load("math.gguf");
        model.Experts.Load("code.gguf");

        await using var session = model.CreateSession();
        await foreach (string text in session.AskAsync("What is 17 * 23?"))
            Console.Write(text);
        Console.WriteLine($"\n{session.LastReport!.Expert ?? "base"}, first token after {session.LastReport.TimeToFirstToken.TotalMilliseconds:0} ms");
    }

    private static string Squeeze(string text) => string.Join('\n', text.Split('\n').Select(static line => line.Trim()).Where(static line => line.Length > 0));
}
