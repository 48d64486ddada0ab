namespace T2.Llama.Tests;

public sealed class LlamaChatTests
{
    [Fact]
    public void Chatml_is_written_as_its_models_expect()
    {
        string? prompt = LlamaChat.Apply("chatml", [new("system", "Be brief."), new("user", "Héllo 🦙?")], addAssistant: true);
        Assert.Equal("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHéllo 🦙?<|im_end|>\n<|im_start|>assistant\n", prompt);
        Assert.Equal("<|im_start|>user\nx<|im_end|>\n", LlamaChat.Apply("chatml", [new("user", "x")], addAssistant: false));
    }

    [Fact]
    public void A_template_is_recognised_by_its_text()
    {
        const string Jinja = "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}";
        Assert.Equal("<|im_start|>user\nx<|im_end|>\n", LlamaChat.Apply(Jinja, [new("user", "x")], addAssistant: false));
    }

    [Fact]
    public void An_unknown_template_gives_null() => Assert.Null(LlamaChat.Apply("{{ nothing known }}", [new("user", "x")], addAssistant: true));

    [Fact]
    public void A_text_longer_than_the_estimate_is_written_whole()
    {
        string content = new('界', 5000); // three bytes a character, where the estimate counts two
        string? prompt = LlamaChat.Apply("chatml", [new("user", content)], addAssistant: false);
        Assert.Equal($"<|im_start|>user\n{content}<|im_end|>\n", prompt);
    }

    [Fact]
    public void Every_builtin_template_takes_every_shape_of_chat()
    {
        IReadOnlyList<string> names = LlamaChat.BuiltinTemplates();
        Assert.Contains("chatml", names);
        Assert.Contains("llama3", names);
        foreach (string name in names)
        {
            Assert.Contains("Hi there", LlamaChat.Apply(name, [new("user", "Hi there")], addAssistant: true), StringComparison.Ordinal);
            Assert.NotNull(LlamaChat.Apply(name, [], addAssistant: true));
            Assert.NotNull(LlamaChat.Apply(name, [new("system", ""), new("assistant", "a"), new("assistant", "b")], addAssistant: false));
        }
    }

    [Fact]
    public void Zero_characters_are_refused()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => LlamaChat.Apply("chatml", [new("user", "ab\0c")], addAssistant: true));
        Assert.Contains("index 2", e.Message, StringComparison.Ordinal);
    }
}
