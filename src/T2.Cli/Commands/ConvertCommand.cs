using System.CommandLine;
using T2.Gguf.Experts;

namespace T2.Cli;

/// <summary><c>t2 convert</c>.</summary>
internal static class ConvertCommand
{
    private static readonly Argument<string> Checkpoint = new("CHECKPOINT") { Description = "A .pt file of the PyTorch reference: learnable_params.pt or policy_params.pt." };

    private static readonly Option<float> MaxMult = Numbers.Real("--max-mult", "max_mult of the training configuration.", 0.001f, 1000, 1);

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("convert", "Convert an expert of the PyTorch reference (SakanaAI/self-adaptive-llms) to an expert file.")
        {
            Notes = """
                The reference stores logits p and rescales: z = mask·Σσ/Σ(σ⊙mask), mask = sigmoid(p)·max_mult. σ is the model's own, from the factor sidecar
                (computed if absent), so -m should be the model the expert was trained on. The checkpoint's pickle is read as data; no code of it runs.
                """,
            Examples = [("Convert an expert trained on Llama-3-8B-Instruct:", "t2 convert learnable_params.pt -m llama3-8b.gguf -o math.gguf --name math --describe 'mathematics'")],
        };
        command.Arguments.Add(Checkpoint);
        foreach (var option in new Option[]
        {
            SharedOptions.Model, SharedOptions.Output, SharedOptions.Name, SharedOptions.Describe, SharedOptions.Task, MaxMult, SharedOptions.Factors, SharedOptions.Threads,
            SharedOptions.Kernel, SharedOptions.Quiet,
        })
            command.Options.Add(option);
        command.SetAction(parsed => Run(shell, parsed));
        return command;
    }

    private static void Run(Shell shell, ParseResult parsed)
    {
        string path = parsed.GetRequiredValue(Checkpoint);
        string modelPath = parsed.GetRequiredValue(SharedOptions.Model);
        string output = parsed.GetRequiredValue(SharedOptions.Output);
        OutputFile.MustDiffer(output, path, modelPath);
        var kernel = Kernels.Resolve(parsed.GetValue(SharedOptions.Kernel));
        var checkpoint = TorchCheckpoint.Load(path);
        using var model = BaseModel.Open(modelPath, shell.Interrupts.Token);
        CheckFit(checkpoint, model);
        using var factors = model.OpenFactors(
            parsed.GetValue(SharedOptions.Factors), kernel, SharedOptions.ResolveThreads(parsed.GetValue(SharedOptions.Threads)), shell.Terminal, shell.Interrupts.Token);
        var converted = ReferenceExpert.Convert(
            checkpoint,
            parsed.GetRequiredValue(SharedOptions.Name),
            model.Architecture,
            model.Fingerprint,
            weight => model.SingularValues(factors, weight),
            parsed.GetValue(MaxMult));
        var expert = Describe(converted, parsed.GetValue(SharedOptions.Describe), parsed.GetValue(SharedOptions.Task));
        OutputFile.Write(output, expert.Save);
        shell.Terminal.Note($"Wrote {output}: {expert}.");
    }

    /// <summary>Finds a misfit before factors are computed for it.</summary>
    private static void CheckFit(TorchCheckpoint checkpoint, BaseModel model)
    {
        foreach (var (weight, logits) in ReferenceExpert.MatchWeights(checkpoint))
        {
            if (!model.Weights.TryGetValue(weight, out var shape))
                throw new MisfitException($"{checkpoint.Path}: '{logits.Name}' is for {weight}, which is no adaptable weight of {model.File.Path}.");
            if (logits.Values.Length != shape.Rank)
                throw new MisfitException($"{checkpoint.Path}: '{logits.Name}' has {logits.Values.Length} values, {weight} of {model.File.Path} has rank {shape.Rank}.");
        }
    }

    private static Expert Describe(Expert expert, string? description, string? task) => new(
        expert.Name, expert.Architecture, expert.BaseFingerprint, expert.Vectors, description ?? expert.Description, task, expert.Training, expert.Extra);
}
