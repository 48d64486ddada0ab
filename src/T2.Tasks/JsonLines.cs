using System.IO.Compression;
using System.Text.Json;

namespace T2.Tasks;

/// <summary>A file of JSON objects, one a line.</summary>
internal static class JsonLines
{
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false };

    /// <summary>Reads the lines that are not blank.</summary>
    /// <exception cref="TaskFileException">The file is missing, or a line is no JSON object.</exception>
    public static IEnumerable<JsonLine> Read(string path)
    {
        byte[] bytes = Content(path);
        int start = bytes.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0;
        for (int number = 1; start < bytes.Length; number++)
        {
            int length = bytes.AsSpan(start).IndexOf((byte)'\n');
            if (length < 0)
                length = bytes.Length - start;
            var line = bytes.AsMemory(start, length);
            start += length + 1;
            if (!line.Span.Trim(" \t\r"u8).IsEmpty)
                yield return Parse(path, number, line);
        }
    }

    /// <summary>Whether a file is read through gzip.</summary>
    public static bool IsCompressed(string path) => path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    private static byte[] Content(string path)
    {
        try
        {
            if (!IsCompressed(path))
                return File.ReadAllBytes(path);
            using var file = File.OpenRead(path);
            using var content = new MemoryStream();
            using (var gzip = new GZipStream(file, CompressionMode.Decompress))
                gzip.CopyTo(content);
            return content.ToArray();
        }
        catch (InvalidDataException exception)
        {
            throw new TaskFileException(path, null, "the file is no gzip file.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            string problem = Directory.Exists(path) ? "it is a folder, not a task file." : File.Exists(path) ? exception.Message : "no such file.";
            throw new TaskFileException(path, null, problem, exception);
        }
    }

    private static JsonLine Parse(string path, int number, ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line, s_options);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new JsonLine(path, number, document.RootElement.Clone())
                : throw new TaskFileException(path, number, $"a JSON object was expected, not {document.RootElement.ValueKind.ToString().ToLowerInvariant()}.");
        }
        catch (JsonException exception)
        {
            throw new TaskFileException(path, number, $"not valid JSON at column {exception.BytePositionInLine + 1}.", exception);
        }
    }
}
