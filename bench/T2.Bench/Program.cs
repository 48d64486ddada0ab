using System.Text.Json;
using T2.Bench.Verbs;
using T2.Gguf;

// One verb a class; a verb reads its own arguments and throws ArgumentException with one clear line on bad ones.
const string Usage = """
    usage: T2.Bench <verb> [options]

      adapt        measure factorising and rebuilding a model, and how exact they are
      break-even   after how many tokens an expert beats a LoRA adapter, from what t2 bench measured, with a picture
      decode       tokens per second on the base, on an expert and under LoRA adapters, in turns
      dispatch     what pass 1 costs of an answer, by strategy and length of the question
      gpu          check and measure the GPU kernels on a CUDA device
      kernels      the registry's kernels under BenchmarkDotNet (takes its options)
      make-adapters  write an expert and LoRA adapters with random values
      make-model   write a GGUF model with random weights
      precision    what is left of a small change, by the type that adapted weights live in
      recompose    rebuilding a layer, against the PyTorch reference's recomposition
      search       what a candidate of the few-shot search costs, by experts and shots
      switch       switching between experts that are kept in memory, against copying them
      train-step   a step of training, against the same step in PyTorch
    """;

try
{
    switch (args)
    {
        case ["adapt", .. var rest]:
            return Adapt.Run(rest);
        case ["break-even", .. var rest]:
            return BreakEven.Run(rest);
        case ["decode", .. var rest]:
            return Decode.Run(rest);
        case ["dispatch", .. var rest]:
            return Dispatch.Run(rest);
        case ["gpu", .. var rest]:
            return GpuBench.Run(rest);
        case ["kernels", .. var rest]:
            return KernelBench.Run(rest);
        case ["make-adapters", .. var rest]:
            return MakeAdapters.Run(rest);
        case ["make-model", .. var rest]:
            return MakeModel.Run(rest);
        case ["precision", .. var rest]:
            return Precision.Run(rest);
        case ["recompose", .. var rest]:
            return Recompose.Run(rest);
        case ["search", .. var rest]:
            return Search.Run(rest);
        case ["switch", .. var rest]:
            return Switch.Run(rest);
        case ["train-step", .. var rest]:
            return TrainStep.Run(rest);
        case [] or ["-h" or "--help"]:
            Console.WriteLine(Usage);
            return 0;
        default:
            throw new ArgumentException($"Unknown verb '{args[0]}'.\n{Usage}");
    }
}
catch (Exception exception) when (exception is ArgumentException or FormatException or OverflowException or GgufException or JsonException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {exception.Message}");
    return exception is ArgumentException or FormatException or OverflowException ? 2 : 1;
}
