using System.CommandLine;
using T2.Runtime;
using T2.Tasks;

namespace T2.Cli;

/// <summary><c>t2 expert classifier-data</c>.</summary>
internal static class ExpertClassifierDataCommand
{
    private static readonly Argument<string[]> Prompts = new("LABEL=FILE")
    {
        Description = "Task files, each with the name of the expert its prompts need, or 'other'.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string[]> Experts = new("--experts", "-e")
    {
        Description = "The experts that dispatch will choose from: their names and descriptions are part of the question. Repeatable.",
        HelpName = "FILE|FOLDER",
        Required = true,
    };

    private static readonly Option<string> Folder = new("--output", "-o") { Description = "The folder for train.jsonl, valid.jsonl and test.jsonl.", HelpName = "FOLDER", Required = true };

    private static readonly Option<float> Validation = Numbers.Real("--validation-part", "Part of each label's prompts for validation.", 0.001f, 0.8f, 0.1f);

    private static readonly Option<float> Test = Numbers.Real("--test-part", "Part of each label's prompts for the test.", 0.001f, 0.8f, 0.1f);

    private static readonly Option<int> Seed = Numbers.Whole("--seed", ["-s"], "Decides which prompt goes where.", 0, int.MaxValue, 0);

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("classifier-data", "Make the tasks that a classification expert is trained, validated and tested on.")
        {
            Examples =
            [
                ("From the tasks of two experts, and others:", "t2 expert classifier-data -e experts/ -o dispatch/ math=math.jsonl code=code.jsonl other=chat.jsonl"),
                ("Then train on them:", "t2 train svf -m model.gguf --task dispatch/train.jsonl --validation dispatch/valid.jsonl --objective next-token -o dispatch.gguf"),
            ],
        };
        command.Arguments.Add(Prompts);
        foreach (var option in new Option[] { Experts, Folder, Validation, Test, Seed, SharedOptions.Quiet })
            command.Options.Add(option);
        command.SetAction(parsed => Run(shell.Terminal, parsed));
        return command;
    }

    private static void Run(Terminal terminal, ParseResult parsed)
    {
        var library = new ExpertLibrary();
        ExpertCatalog.AddTo(library, parsed.GetRequiredValue(Experts), terminal);
        var labels = library.Experts.Select(static expert => new ExpertLabel(expert.Name, expert.Description)).ToArray();
        var prompts = parsed.GetRequiredValue(Prompts).SelectMany(Read).ToArray();
        ClassifierTasks tasks;
        try
        {
            tasks = ClassifierTasks.Make(prompts, labels, parsed.GetValue(Validation), parsed.GetValue(Test), parsed.GetValue(Seed));
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
        string folder = parsed.GetRequiredValue(Folder);
        Directory.CreateDirectory(folder);
        foreach (var (name, task) in new[] { ("train", tasks.Training), ("valid", tasks.Validation), ("test", tasks.Test) })
        {
            string path = Path.Combine(folder, name + ".jsonl");
            OutputFile.Write(path, task.Save);
            terminal.Note($"Wrote {path}: {task.Items.Count} questions.");
        }
    }

    private static IEnumerable<LabelledPrompt> Read(string argument)
    {
        int equals = argument.IndexOf('=');
        if (equals <= 0)
            throw new UsageException($"'{argument}' is not LABEL=FILE.");
        return TaskSet.Load(argument[(equals + 1)..]).Items.Select(item => new LabelledPrompt(item.Prompt, argument[..equals].Trim()));
    }
}
