using T2.Bench.Verbs;

// One verb a class; a verb reads its own arguments and throws ArgumentException with one clear line on bad ones.
const string Usage = """
    usage: T2.Bench <verb> [options]

      adapt        measure factorising and rebuilding a model, and how exact they are
      make-model   write a GGUF model with random weights
    """;

try
{
    switch (args)
    {
        case ["adapt", .. var rest]:
            return Adapt.Run(rest);
        case ["make-model", .. var rest]:
            return MakeModel.Run(rest);
        case [] or ["-h" or "--help"]:
            Console.WriteLine(Usage);
            return 0;
        default:
            throw new ArgumentException($"Unknown verb '{args[0]}'.\n{Usage}");
    }
}
catch (Exception exception) when (exception is ArgumentException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {exception.Message}");
    return exception is ArgumentException ? 2 : 1;
}
