using System.Globalization;
using System.Text.RegularExpressions;
using T2.Gguf;
using T2.Runtime;

namespace T2.Recipes;

/// <summary>
/// The bundled model's vocabulary: bytes, printable characters, and as "user-defined" tokens (which llama.cpp finds in a text before anything else, the longest
/// first) the pieces of the templates and some words. A question is then five to fifteen tokens, and digits and the letters of strings stay one token each.
/// </summary>
internal static partial class MiniVocabulary
{
    /// <summary>Begins a message.</summary>
    public const string Start = "<|im_start|>";

    /// <summary>Ends a message.</summary>
    public const string End = "<|im_end|>";

    /// <summary>ChatML, in the words by which llama.cpp knows it.</summary>
    private const string ChatTemplate =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    /// <summary>llama_token_type.</summary>
    private enum Kind
    {
        Normal = 1,
        Unknown = 2,
        Control = 3,
        UserDefined = 4,
        Byte = 6,
    }

    /// <summary>Writes a GGUF file of metadata alone: tokenizer, chat template, names. llama.cpp loads it as a vocabulary.</summary>
    public static void WriteTemplate(string path)
    {
        var tokens = Tokens();
        var writer = new GgufWriter();
        writer.SetMetadata("general.architecture", "llama");
        writer.SetMetadata("general.type", "model");
        writer.SetMetadata("general.name", "t2-mini");
        writer.SetMetadata("general.description", "Made by T2's own recipe from generated text: skills it has, but is undecided about.");
        writer.SetMetadata("general.license", "mit");
        writer.SetMetadata("general.quantization_version", 2u);
        writer.SetMetadata("tokenizer.ggml.model", "llama");
        writer.SetMetadata("tokenizer.ggml.pre", "default");
        writer.SetMetadata("tokenizer.ggml.tokens", GgufValue.FromStrings([.. tokens.Select(static token => token.Text)]));
        writer.SetMetadata("tokenizer.ggml.scores", GgufValue.FromArray<float>([.. tokens.Select(static (_, id) => (float)-id)]));
        writer.SetMetadata("tokenizer.ggml.token_type", GgufValue.FromArray<int>([.. tokens.Select(static token => (int)token.Kind)]));
        uint end = (uint)tokens.FindIndex(static token => token.Text == End);
        writer.SetMetadata("tokenizer.ggml.unknown_token_id", 0u);
        writer.SetMetadata("tokenizer.ggml.eos_token_id", end);
        writer.SetMetadata("tokenizer.ggml.add_bos_token", false);
        writer.SetMetadata("tokenizer.ggml.add_eos_token", false);
        writer.SetMetadata("tokenizer.ggml.add_space_prefix", false);
        writer.SetMetadata("tokenizer.chat_template", ChatTemplate);
        writer.WriteTo(path);
    }

    private static List<(string Text, Kind Kind)> Tokens()
    {
        List<(string Text, Kind Kind)> tokens = [("<unk>", Kind.Unknown), (Start, Kind.Control), (End, Kind.Control)];
        for (int value = 0; value < 256; value++)
            tokens.Add((string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), Kind.Byte));
        tokens.Add(("▁", Kind.Normal));
        for (char character = '!'; character <= '~'; character++)
            tokens.Add((character.ToString(), Kind.Normal));
        var known = tokens.Select(static token => token.Text).ToHashSet(StringComparer.Ordinal);
        foreach (string piece in Pieces())
        {
            if (piece.Length > 1 && known.Add(piece))
                tokens.Add((piece, Kind.UserDefined));
        }
        return tokens;
    }

    private static IEnumerable<string> Pieces()
    {
        foreach (string role in new[] { "system\n", "user\n", "assistant\n", DispatchPrompt.AnswerPrefix })
            yield return role;
        foreach (string template in SkillSet.All.SelectMany(static skill => skill.Templates).Concat(UnseenTasks.Templates))
        {
            foreach (string piece in Place().Split(template))
                yield return piece;
        }
        foreach (var skill in SkillSet.All)
            yield return skill.Name;
        IEnumerable<string> texts = [.. TalkSkill.Words, DispatchText.SystemMessage(SkillSet.WithExpert), .. CommonWords];
        foreach (string word in texts.SelectMany(static text => Word().Matches(text).Select(static match => match.Value)))
        {
            // A short lower-case word with no space before it would be found inside strings of letters and break them apart.
            // A single letter must stay one token wherever it stands.
            if ((word[0] == ' ' || char.IsUpper(word[0]) || word.Length >= 6) && word.TrimStart().Length > 1)
                yield return word;
        }
    }

    /// <summary>Words a user may well use, so that what is none of the skills' does not fall apart into letters.</summary>
    private static readonly string[] CommonWords =
    [
        " a an and are as at be but by can do for from get give go good has have he her his how I if in is it its just know like make me more my new no not of on one or our out people",
        " please say see she so some story than that the their them then there they this time to up us use want was we what when where which who why will with word world would you your",
        "The This What When Where Which Who Why How Is Are Can Could Do Does Give Make Please Tell Show Write I You We They He She It My Your If In On",
    ];

    [GeneratedRegex(@"\{\d\}")]
    private static partial Regex Place();

    [GeneratedRegex(" ?[A-Za-z]+")]
    private static partial Regex Word();
}
