using System.Text.Json;
using T2.Llama;

namespace T2.Training;

/// <summary>
/// Text to pre-train on. <c>.jsonl</c>: one document a line, {"text":…} or {"prompt":…,"answer":…,"system":…}, which go through the chat template. Any other
/// file is plain text whose documents are separated by blank lines.
/// </summary>
public sealed class Corpus
{
    private readonly LlamaModel _tokenizer;
    private readonly int _context;
    private readonly bool _answersOnly;

    /// <param name="tokenizer">A model whose tokenizer and chat template are used; its weights need not be loaded.</param>
    /// <param name="context">The longest document in tokens; longer ones are cut into several.</param>
    /// <param name="answersOnly">Whether the questions of prompts with answers carry no loss.</param>
    public Corpus(LlamaModel tokenizer, int context, bool answersOnly)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfLessThan(context, 2);
        _tokenizer = tokenizer;
        _context = context;
        _answersOnly = answersOnly;
    }

    /// <summary>Reads files, and the files of folders, in the order of their names.</summary>
    /// <exception cref="TrainingException">A line is no document, or there is none at all; the message names file and line.</exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public IReadOnlyList<TrainingDocument> Read(IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var documents = new List<TrainingDocument>();
        foreach (string path in paths.SelectMany(FilesOf))
            documents.AddRange(path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) ? ReadLines(path) : ReadText(path));
        return documents.Count > 0 ? documents : throw new TrainingException($"The corpus ({string.Join(", ", paths)}) holds no text.");
    }

    private static IEnumerable<string> FilesOf(string path) => Directory.Exists(path) ? Directory.EnumerateFiles(path).Order(StringComparer.Ordinal) : [path];

    private IEnumerable<TrainingDocument> ReadText(string path) =>
        File.ReadAllText(path).ReplaceLineEndings("\n").Split("\n\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SelectMany(Plain);

    private IEnumerable<TrainingDocument> ReadLines(string path)
    {
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            foreach (var document in Parse(line, $"{path}:{number}"))
                yield return document;
        }
    }

    private IEnumerable<TrainingDocument> Parse(string line, string where)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("text", out var text))
                return [.. Plain(text.GetString()!)];
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("prompt", out var prompt) && root.TryGetProperty("answer", out var answer))
                return [.. Answered(root.TryGetProperty("system", out var system) ? system.GetString() : null, prompt.GetString()!, answer.GetString()!)];
            // The first line of a task file names the task; it is no document.
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("task", out _))
                return [];
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new TrainingException($"{where}: not a document: {exception.Message}", exception);
        }
        throw new TrainingException($"{where}: not a document; it needs \"text\", or \"prompt\" and \"answer\".");
    }

    private IEnumerable<TrainingDocument> Plain(string text)
    {
        var vocabulary = _tokenizer.Vocabulary;
        int[] tokens = AnswerTokens.Of(vocabulary, text);
        return Cut(vocabulary.EndOfSequence is int end && (tokens.Length == 0 || tokens[^1] != end) ? [.. tokens, end] : tokens, 0);
    }

    private IEnumerable<TrainingDocument> Answered(string? system, string prompt, string answer)
    {
        var user = new LlamaChatMessage("user", prompt);
        string rendered = _tokenizer.ChatTemplate is not { } template
            ? string.IsNullOrEmpty(system) ? prompt : $"{system}\n\n{prompt}"
            : LlamaChat.Apply(template, string.IsNullOrEmpty(system) ? [user] : [new("system", system), user], addAssistant: true)
                ?? throw new TrainingException("The template model's chat template is none that llama.cpp recognises.");
        var (question, said) = AnswerTokens.Of(_tokenizer.Vocabulary, rendered, answer);
        return Cut([.. question, .. said], _answersOnly ? question.Length : 0);
    }

    /// <summary>Pieces no longer than the context; the first <paramref name="silent"/> tokens carry no loss.</summary>
    private IEnumerable<TrainingDocument> Cut(int[] tokens, int silent)
    {
        for (int start = 0; start < tokens.Length - 1; start += _context)
        {
            int[] piece = tokens[start..Math.Min(tokens.Length, start + _context)];
            if (piece.Length > 1)
                yield return new TrainingDocument(piece, silent > start ? [.. Enumerable.Range(start, piece.Length).Select(at => at < silent ? 0f : 1f)] : null);
        }
    }
}
