using System.Runtime.InteropServices;
using T2.Gguf;

namespace T2.Training;

/// <summary>
/// All of a run's state between two steps. On disk a GGUF container of F32 tensors, written whole or not at all. Random numbers need no state: they are
/// functions of seed and step.
/// </summary>
internal sealed record TrainingCheckpoint
{
    private const string Type = "training checkpoint";
    private const uint Version = 1;
    private const string TypeKey = "general.type";
    private const string VersionKey = "t2.checkpoint.version";
    private const string SettingsKey = "t2.checkpoint.settings";
    private const string StepKey = "t2.checkpoint.step";
    private const string OptimiserStepKey = "t2.checkpoint.optimiser_step";
    private const string ValidatedKey = "t2.checkpoint.validated_step";
    private const string BaseCorrectKey = "t2.checkpoint.base_correct";
    private const string LastCorrectKey = "t2.checkpoint.last_correct";
    private const string BestCorrectKey = "t2.checkpoint.best_correct";
    private const string BestStepKey = "t2.checkpoint.best_step";
    private const string SearchKey = "t2.checkpoint.search";
    private const string WorseKey = "t2.checkpoint.validations_since_best";
    private const string UnrewardedKey = "t2.checkpoint.unrewarded_steps";

    /// <summary>What decides the run's course, as <see cref="RunSettings"/> writes it.</summary>
    internal required string Settings { get; init; }

    /// <summary>Steps done.</summary>
    internal required int Step { get; init; }

    /// <summary>Updates the optimiser has made.</summary>
    internal required long OptimiserStep { get; init; }

    /// <summary>How validation went so far.</summary>
    internal required ValidationState Validation { get; init; }

    /// <summary>Steps since an answer was rewarded.</summary>
    internal int Unrewarded { get; init; }

    /// <summary>By name: the optimised numbers, the optimiser's moments, and the best numbers so far.</summary>
    internal required IReadOnlyDictionary<string, float[]> Tensors { get; init; }

    /// <summary>State of a forward-only run; null for one by gradient.</summary>
    internal string? Search { get; init; }

    /// <summary>Writes it over the last one.</summary>
    /// <exception cref="IOException">Writing failed; the last one is still there.</exception>
    internal void Save(string path)
    {
        var writer = new GgufWriter();
        writer.SetMetadata(TypeKey, Type);
        writer.SetMetadata(VersionKey, Version);
        writer.SetMetadata(SettingsKey, Settings);
        writer.SetMetadata(StepKey, Step);
        writer.SetMetadata(OptimiserStepKey, OptimiserStep);
        writer.SetMetadata(ValidatedKey, Validation.ValidatedStep);
        writer.SetMetadata(BaseCorrectKey, Validation.BaseCorrect);
        writer.SetMetadata(LastCorrectKey, Validation.LastCorrect);
        writer.SetMetadata(BestCorrectKey, Validation.BestCorrect);
        writer.SetMetadata(BestStepKey, Validation.BestStep);
        writer.SetMetadata(WorseKey, Validation.SinceBest);
        writer.SetMetadata(UnrewardedKey, Unrewarded);
        if (Search is not null)
            writer.SetMetadata(SearchKey, Search);
        foreach (var (name, values) in Tensors)
            writer.AddTensor(name, TensorType.F32, [values.Length], stream => stream.Write(MemoryMarshal.AsBytes<float>(values)));
        writer.WriteTo(path);
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="GgufException">It is not a checkpoint, or damaged.</exception>
    internal static TrainingCheckpoint Load(string path)
    {
        using var file = GgufFile.Open(path);
        var metadata = file.Metadata;
        if (!metadata.TryGetString(TypeKey, out string? type) || type != Type)
            throw new GgufException("not a training checkpoint.", path);
        if (metadata.GetUInt32(VersionKey) is not Version and var version)
            throw new GgufException($"checkpoint version {version} is unknown; this T2 reads version {Version}.", path);
        var tensors = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors)
        {
            if (tensor.Type != TensorType.F32)
                throw new GgufException($"tensor \"{tensor.Name}\" is {tensor.Type}; checkpoints hold F32.", path, tensor.Offset);
            tensors.Add(tensor.Name, MemoryMarshal.Cast<byte, float>(file.GetData(tensor)).ToArray());
        }
        return new TrainingCheckpoint
        {
            Settings = metadata.GetString(SettingsKey),
            Step = Whole(metadata, StepKey),
            OptimiserStep = metadata.GetInt64(OptimiserStepKey),
            Validation = new ValidationState(
                Whole(metadata, ValidatedKey), Whole(metadata, BaseCorrectKey), Whole(metadata, LastCorrectKey), Whole(metadata, BestCorrectKey), Whole(metadata, BestStepKey), Whole(metadata, WorseKey)),
            // Checkpoints of before it was kept have none.
            Unrewarded = metadata.TryGetInt64(UnrewardedKey, out long unrewarded) ? checked((int)unrewarded) : 0,
            Tensors = tensors,
            Search = metadata.TryGetString(SearchKey, out string? search) ? search : null,
        };
    }

    private static int Whole(GgufMetadata metadata, string key) => checked((int)metadata.GetInt64(key));
}

/// <summary>How validation went so far.</summary>
/// <param name="ValidatedStep">Step of the last validation; −1 = none yet.</param>
/// <param name="BaseCorrect">Questions the base answers right.</param>
/// <param name="LastCorrect">Questions answered right at the last validation.</param>
/// <param name="BestCorrect">The most answered right after any step; −1 = not validated yet.</param>
/// <param name="BestStep">That step.</param>
/// <param name="SinceBest">Validations since.</param>
internal readonly record struct ValidationState(int ValidatedStep, int BaseCorrect, int LastCorrect, int BestCorrect, int BestStep, int SinceBest)
{
    internal static ValidationState None { get; } = new(-1, 0, 0, -1, 0, 0);
}
