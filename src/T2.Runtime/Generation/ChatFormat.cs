using System.Text;
using T2.Llama;

namespace T2.Runtime;

/// <summary>How messages become the text a model is prompted with.</summary>
public sealed class ChatFormat
{
    private readonly string? _template;

    private ChatFormat(string name, string? template)
    {
        Name = name;
        _template = template;
    }

    /// <summary>The model's own chat template; a model that has none is prompted with plain text.</summary>
    public static ChatFormat Auto { get; } = new("auto", null);

    /// <summary>No template: messages are joined with blank lines and the model continues the text.</summary>
    public static ChatFormat Plain { get; } = new("plain", null);

    /// <summary><c>auto</c>, <c>plain</c>, or the template's name.</summary>
    public string Name { get; }

    /// <summary>One of the templates llama.cpp knows by name (<c>chatml</c>, <c>llama3</c>, …).</summary>
    /// <exception cref="ArgumentException">There is no such template; the message lists those there are.</exception>
    public static ChatFormat Named(string name)
    {
        var known = LlamaChat.BuiltinTemplates();
        return known.Contains(name, StringComparer.Ordinal)
            ? new ChatFormat(name, name)
            : throw new ArgumentException($"There is no chat template named '{name}'. llama.cpp knows: {string.Join(", ", known)}.", nameof(name));
    }

    /// <summary>Renders messages up to where the assistant would speak.</summary>
    /// <exception cref="NotSupportedException">The model's own template is none that llama.cpp recognises.</exception>
    internal string Render(LlamaModel model, IReadOnlyList<LlamaChatMessage> messages)
    {
        string? template = _template ?? (ReferenceEquals(this, Auto) ? model.ChatTemplate : null);
        if (template is null)
            return RenderPlain(messages);
        return LlamaChat.Apply(template, messages, addAssistant: true)
            ?? throw new NotSupportedException(
                "The model's chat template is none that llama.cpp recognises. Name one instead (--chat-template), or use 'plain'.");
    }

    private static string RenderPlain(IReadOnlyList<LlamaChatMessage> messages)
    {
        // A lone message stays exactly what the user typed, so that a base model simply continues it.
        var text = new StringBuilder();
        for (int index = 0; index < messages.Count; index++)
        {
            if (index > 0)
                text.Append("\n\n");
            text.Append(messages[index].Content);
        }
        return text.ToString();
    }
}
