using T2.Gguf;

namespace T2.Training;

/// <summary>A base model to be made from nothing but text.</summary>
public sealed record BaseRequest
{
    /// <summary>A GGUF file whose tokenizer, chat template and other metadata the new model takes over.</summary>
    public required string TemplatePath { get; init; }

    /// <summary>Files and folders of text, as <see cref="Corpus"/> reads them.</summary>
    public required IReadOnlyList<string> CorpusPaths { get; init; }

    /// <summary>The file to write. Log, curve and checkpoint take its name with other endings.</summary>
    public required string OutputPath { get; init; }

    /// <summary>The model's dimensions; a vocabulary of 0 takes the template's.</summary>
    public required ModelShape Shape { get; init; }

    /// <summary>Type of the matrices in the file.</summary>
    public TensorType Type { get; init; } = TensorType.F16;

    /// <summary>How it is trained; files and validation are the request's own.</summary>
    public required BaseTrainingOptions Options { get; init; }

    /// <summary>Part of the documents that the loss is measured on instead of trained on, 0 ≤ f &lt; 1.</summary>
    public double HoldOut { get; init; } = 0.01;

    /// <summary>Whether the questions of prompts with answers carry no loss.</summary>
    public bool AnswersOnly { get; init; }

    /// <summary>Decides the first weights and the order of documents.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Go on from the checkpoint beside the output.</summary>
    public bool Resume { get; init; }

    /// <summary>Where the checkpoint is kept until the run is finished.</summary>
    public string CheckpointPath => OutputPath + ".checkpoint";

    /// <summary>The log, one JSON object a line.</summary>
    public string LogPath => Path.ChangeExtension(OutputPath, ".training.jsonl");
}
