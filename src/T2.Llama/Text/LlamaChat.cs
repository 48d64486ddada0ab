using System.Runtime.InteropServices;
using System.Text;

namespace T2.Llama;

/// <summary>One message of a chat.</summary>
/// <param name="Role">"system", "user" or "assistant".</param>
/// <param name="Content">The text.</param>
public readonly record struct LlamaChatMessage(string Role, string Content);

/// <summary>Writes chats in the form that a model was trained on. Thread-safe.</summary>
public static class LlamaChat
{
    /// <summary>
    /// Writes the messages as the template would. llama.cpp does not run Jinja: it recognises the templates of common model
    /// families by their text and writes their form itself.
    /// </summary>
    /// <param name="template">The template's Jinja source, as in <see cref="LlamaModel.ChatTemplate"/>, or the name of a built-in one.</param>
    /// <param name="messages">The chat so far.</param>
    /// <param name="addAssistant">Ends with what begins an answer of the assistant.</param>
    /// <returns>The prompt, to be tokenized with parseSpecial; null when llama.cpp does not recognise the template.</returns>
    /// <exception cref="ArgumentException">A text has a zero character, at which llama.cpp would stop reading.</exception>
    public static unsafe string? Apply(string template, IReadOnlyList<LlamaChatMessage> messages, bool addAssistant)
    {
        ArgumentNullException.ThrowIfNull(template);
        ArgumentNullException.ThrowIfNull(messages);
        LlamaLibrary.Load();
        using var text = new Utf8Arena();
        var native = new LlamaChatMessageStruct[messages.Count];
        long estimate = 256;
        for (int i = 0; i < native.Length; i++)
        {
            native[i].Role = text.Add(messages[i].Role);
            native[i].Content = text.Add(messages[i].Content);
            estimate += 2L * (messages[i].Role.Length + messages[i].Content.Length);
        }

        byte* nativeTemplate = text.Add(template);
        byte[] buffer = new byte[checked((int)estimate)];
        while (true)
        {
            int length;
            fixed (LlamaChatMessageStruct* first = native)
            fixed (byte* target = buffer)
                length = LlamaNative.llama_chat_apply_template(nativeTemplate, first, (nuint)native.Length, addAssistant, target, buffer.Length);
            if (length < 0)
                return null;
            if (length <= buffer.Length)
                return Encoding.UTF8.GetString(buffer, 0, length);
            buffer = new byte[length];
        }
    }

    /// <summary>The names of the templates that llama.cpp knows, each usable as a template in <see cref="Apply"/>.</summary>
    public static unsafe IReadOnlyList<string> BuiltinTemplates()
    {
        LlamaLibrary.Load();
        int count = LlamaNative.llama_chat_builtin_templates(null, 0);
        byte*[] names = new byte*[count];
        fixed (byte** target = names)
            count = LlamaNative.llama_chat_builtin_templates(target, (nuint)count);
        var result = new List<string>(count);
        foreach (byte* name in names)
            result.Add(Marshal.PtrToStringUTF8((nint)name) ?? "");
        return result;
    }
}
