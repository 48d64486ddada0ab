using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using T2.Tasks;

namespace T2.Training;

/// <summary>What decides a run's course, written into its checkpoint: a run resumes only as the run it was.</summary>
internal sealed record RunSettings
{
    /// <summary>The options of a run by gradient, every one of them.</summary>
    public TrainingOptions? Options { get; init; }

    /// <summary>The options of a forward-only run.</summary>
    public SearchOptions? Search { get; init; }

    /// <summary>The base's fingerprint.</summary>
    public required string Base { get; init; }

    /// <summary>A hash of the training questions, verifier and answer length.</summary>
    public required string Task { get; init; }

    /// <summary>The same of the validation questions.</summary>
    public required string Validation { get; init; }

    /// <summary>The same of the anchor's questions; null without one.</summary>
    public string? Anchor { get; init; }

    /// <summary>What renders questions.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>The verifier of a program that brings its own; null for the task's.</summary>
    public string? Verifier { get; init; }

    /// <summary>Settings without options yet.</summary>
    internal static RunSettings Of(TrainingJob job, string fingerprint) => new()
    {
        Base = fingerprint,
        Task = HashOf(job.Task.Training),
        Validation = HashOf(job.Task.Validation),
        ChatTemplate = job.Format.Name,
        Verifier = job.Verifier?.Name,
    };

    /// <summary>As stored in a checkpoint.</summary>
    internal string Serialize() => JsonSerializer.Serialize(this, RunSettingsJson.Default.RunSettings);

    /// <exception cref="TrainingException">The checkpoint is of a run with other settings; the message names one.</exception>
    internal void Require(TrainingCheckpoint checkpoint, string path)
    {
        if (DifferenceFrom(checkpoint.Settings) is { } difference)
            throw new TrainingException($"{path} is of a run with other settings ({difference}); it can only be resumed with its own.");
    }

    /// <summary>What of <paramref name="other"/> differs from these settings, in words; null = nothing.</summary>
    internal string? DifferenceFrom(string other)
    {
        string own = Serialize();
        if (own == other)
            return null;
        var mine = JsonNode.Parse(own)!.AsObject();
        var theirs = JsonNode.Parse(other) as JsonObject ?? [];
        foreach (var (key, value) in mine)
        {
            if (value is not JsonObject options)
            {
                if (!JsonNode.DeepEquals(value, theirs[key]))
                    return key.Replace('_', ' ');
                continue;
            }
            var (option, now) = options.FirstOrDefault(option => !JsonNode.DeepEquals(option.Value, theirs[key]?[option.Key]));
            if (option is not null)
                return $"{option} was {theirs[key]?[option]?.ToJsonString() ?? "unknown"}, is {now?.ToJsonString() ?? "null"}";
        }
        return "they are of another version";
    }

    /// <summary>A hash of all that decides how a task's questions are asked and judged.</summary>
    internal static string HashOf(TaskSet task)
    {
        var hash = new XxHash128();
        Append($"{task.Verifier}\n{task.MaxTokens}");
        foreach (var item in task.Items)
            Append($"{item.System}\u001f{item.Prompt}\u001f{item.Answer}\u001f{string.Join('\u001e', item.Choices ?? [])}");
        return Convert.ToHexStringLower(hash.GetCurrentHash());

        void Append(string text)
        {
            hash.Append(Encoding.UTF8.GetBytes(text));
            hash.Append([0]);
        }
    }
}

/// <summary>How settings are written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(RunSettings))]
internal sealed partial class RunSettingsJson : JsonSerializerContext;
