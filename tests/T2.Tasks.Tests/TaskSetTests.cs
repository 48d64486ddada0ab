using System.Text;
using T2.TestKit;

namespace T2.Tasks.Tests;

public sealed class TaskSetTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_saved_task_is_read_back_as_it_was()
    {
        var task = new TaskSet("sums", "Adding, “quoted”\nand more", "choice", 16,
        [
            new("a", "2+2?\n", "4") { Choices = ["3", "4"], System = "Be brief.", Category = "éasy" },
            new("b", "<3 & more", "B") { Choices = ["x", "y"] },
        ]);
        string path = _folder.File("round.jsonl");
        task.Save(path);
        var read = TaskSet.Load(path);

        Assert.Equal((task.Name, task.Description, task.Verifier, task.MaxTokens), (read.Name, read.Description, read.Verifier, read.MaxTokens));
        Assert.Equal(2, read.Items.Count);
        Assert.Equal(task.Items[0].Choices, read.Items[0].Choices);
        Assert.Equal(task.Items[0] with { Choices = null }, read.Items[0] with { Choices = null });
        Assert.Equal(task.Items[1] with { Choices = null }, read.Items[1] with { Choices = null });
    }

    [Fact]
    public void Without_a_header_the_file_is_named_after_itself_and_items_after_their_lines()
    {
        var task = Load("\uFEFF{\"prompt\":\"1+1\",\"answer\":2}\r\n\r\n{\"prompt\":\"2+2\",\"answer\":\"4\",\"category\":null}");
        Assert.Equal(("task", "exact", TaskSet.DefaultMaxTokens), (task.Name, task.Verifier, task.MaxTokens));
        Assert.Equal([new TaskItem("1", "1+1", "2"), new TaskItem("3", "2+2", "4")], task.Items);
    }

    [Fact]
    public void Labelled_prompts_are_read_with_labels_or_categories()
    {
        string path = Write("{\"task\":\"t\"}\n{\"prompt\":\"1+1\",\"label\":\" math \",\"category\":\"easy\"}\n{\"prompt\":\"Hello\",\"answer\":\"x\",\"category\":\"other\"}");
        Assert.Equal([new LabelledPrompt("1+1", "math"), new LabelledPrompt("Hello", "other")], LabelledPrompt.Load(path));
        Assert.Contains(":2", Assert.Throws<TaskFileException>(() => LabelledPrompt.Load(Write("{\"prompt\":\"p\",\"label\":\"a\"}\n{\"prompt\":\"p\"}"))).Message, StringComparison.Ordinal);
        Assert.Throws<TaskFileException>(() => LabelledPrompt.Load(Write("{\"task\":\"t\"}")));
    }

    [Fact]
    public void A_given_verifier_judges_instead_of_the_files()
    {
        Assert.Equal("numeric", TaskSet.Load(Write("{\"task\":\"t\",\"verifier\":\"exact\"}\n{\"prompt\":\"p\",\"answer\":\"1\"}"), "numeric").Verifier);
    }

    [Theory]
    [InlineData("", "task.jsonl: the file has no items.")]
    [InlineData("{\"task\":\"t\"}\n", "task.jsonl: the file has no items.")]
    [InlineData("{\"prompt\":\"p\",\"answer\":\"a\"}\n{\"prompt\":\"p\"}", "task.jsonl:2: 'answer' is missing.")]
    [InlineData("{\"prompt\":7,\"answer\":[]}", "task.jsonl:1: 'answer' must be a text.")]
    [InlineData("\n\n[1]", "task.jsonl:3: a JSON object was expected, not array.")]
    [InlineData("{\"prompt\":\"p\",\"answer\":\"a\"", "task.jsonl:1: not valid JSON at column")]
    [InlineData("{\"prompt\":\"p\",\"prompt\":\"q\",\"answer\":\"a\"}", "task.jsonl:1: not valid JSON at column")]
    [InlineData("{\"prompt\":\"p\",\"answer\":\"a\",\"choices\":\"x\"}", "task.jsonl:1: 'choices' must be an array of texts.")]
    [InlineData("{\"prompt\":\"p\",\"answer\":\"a\",\"choices\":[true]}", "task.jsonl:1: 'choices[0]' must be a text.")]
    [InlineData("{\"task\":\"t\",\"max_tokens\":0}", "task.jsonl:1: 'max_tokens' must be a whole number of at least 1.")]
    [InlineData("{\"task\":\"t\",\"verifier\":\"fuzzy\"}\n{\"prompt\":\"p\",\"answer\":\"a\"}", "task.jsonl:1: There is no verifier 'fuzzy'")]
    [InlineData("{\"task\":\"t\",\"verifier\":\"numeric\"}\n{\"prompt\":\"p\",\"answer\":\"a\"}", "task.jsonl:2: verifier 'numeric' cannot judge this item: there is no number in its answer 'a'.")]
    [InlineData("{\"task\":\"t\",\"verifier\":\"choice\"}\n{\"prompt\":\"p\",\"answer\":\"E\",\"choices\":[\"x\",\"y\"]}", "task.jsonl:2: verifier 'choice' cannot judge this item")]
    [InlineData("{\"id\":\"x\",\"prompt\":\"p\",\"answer\":\"a\"}\n{\"id\":\"x\",\"prompt\":\"p\",\"answer\":\"a\"}", "task.jsonl:2: id 'x' is already that of line 1.")]
    public void What_is_wrong_with_a_file_is_said_with_its_line(string content, string message)
    {
        string path = Write(content);
        var exception = Assert.Throws<TaskFileException>(() => TaskSet.Load(path));
        Assert.StartsWith(_folder.File(message), exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused_with_their_line()
    {
        string path = _folder.File("task.jsonl");
        File.WriteAllBytes(path, [.. "{\"prompt\":\"p\",\"answer\":\""u8, 0xFF, .. "\"}"u8]);
        Assert.StartsWith($"{path}:1: ", Assert.Throws<TaskFileException>(() => TaskSet.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_told_apart()
    {
        Assert.Contains("no such file", Assert.Throws<TaskFileException>(() => TaskSet.Load(_folder.File("none.jsonl"))).Message, StringComparison.Ordinal);
        Assert.Contains("folder", Assert.Throws<TaskFileException>(() => TaskSet.Load(Path.GetDirectoryName(_folder.File("x"))!)).Message, StringComparison.Ordinal);
    }

    private TaskSet Load(string content) => TaskSet.Load(Write(content));

    private string Write(string content)
    {
        string path = _folder.File("task.jsonl");
        File.WriteAllText(path, content, new UTF8Encoding(false));
        return path;
    }
}
