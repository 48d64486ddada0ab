using System.CommandLine;
using T2.Gguf.Experts;
using T2.Runtime;
using T2.Tasks;

namespace T2.Cli;

/// <summary>The mixtures of strategy "fewshot": one for each task, searched for by examples that are none of its evaluated questions, kept in the folder of the evaluation.</summary>
internal sealed class FewShotMixtures
{
    /// <summary>The strategy's name.</summary>
    internal const string Strategy = "fewshot";

    internal static readonly Option<string?> Shots = new("--shots")
    {
        Description = "Examples for strategy 'fewshot', none of them among the tasks' questions: a folder with a file TASK.jsonl for each task, or the file for a single one.",
        HelpName = "FOLDER|FILE",
    };

    private readonly List<(string Task, FewShotRequest Request)> _searches = [];
    private readonly Dictionary<string, Expert?> _found = new(StringComparer.Ordinal);
    private readonly string _folder;

    private FewShotMixtures(string folder) => _folder = Path.Combine(folder, Strategy);

    /// <summary>What was found, by task: null = the base.</summary>
    internal IReadOnlyDictionary<string, Expert?> Found => _found;

    /// <summary>Reads the examples; there are none to read where the strategy is not asked for.</summary>
    /// <exception cref="UsageException">There are no examples, or no strategy that they are for.</exception>
    /// <exception cref="MisfitException">An example is one of the questions.</exception>
    internal static FewShotMixtures Read(ParseResult parsed, IReadOnlyList<string> strategies, IReadOnlyList<TaskSet> tasks, string folder)
    {
        var mixtures = new FewShotMixtures(folder);
        string? shots = parsed.GetValue(Shots);
        bool wanted = strategies.Contains(Strategy, StringComparer.Ordinal);
        if (wanted != (shots is not null))
            throw new UsageException(wanted ? "Strategy 'fewshot' needs examples to search by (--shots FOLDER), or a mixture that 't2 search' found (fewshot:FILE)." : "--shots goes with strategy 'fewshot'.");
        if (shots is null)
            return mixtures;
        bool isFolder = Directory.Exists(shots);
        if (!isFolder && tasks.Count > 1)
            throw new UsageException($"--shots {shots} holds examples of one task, and {tasks.Count} are evaluated; name a folder with a file TASK.jsonl for each.");
        foreach (var task in tasks)
            mixtures.Add(parsed, task, isFolder ? Path.Combine(shots, task.Name + ".jsonl") : shots);
        return mixtures;
    }

    /// <summary>Forgets where interrupted searches were.</summary>
    internal void Forget()
    {
        foreach (var (_, request) in _searches)
            File.Delete(request.Options.StatePath!);
    }

    /// <summary>Searches for every task, or goes on where a search was interrupted, and writes what is found.</summary>
    internal async Task SearchAsync(Terminal terminal, AdaptiveModel model, BatchOptions batch, bool allowOtherBase, CancellationToken cancellation)
    {
        if (_searches.Count > 0)
            Directory.CreateDirectory(_folder);
        foreach (var (task, request) in _searches)
        {
            terminal.Note($"Searching for a mixture for '{task}' by {request.Options.Shots} examples.");
            var result = await SearchRunner.RunAsync(terminal, model, model.Experts.Experts, request, batch, cancellation, allowOtherBase).ConfigureAwait(false);
            _found[task] = result.Found;
            if (result.Found is { } found)
                OutputFile.Write(Path.Combine(_folder, request.Options.Name + ".gguf"), found.Save);
            else
                terminal.Note($"No share for any expert: '{task}' is answered by the base.");
        }
    }

    private void Add(ParseResult parsed, TaskSet task, string file)
    {
        if (!File.Exists(file))
            throw new BadFileException($"{file}: there is no such file; strategy 'fewshot' takes the examples of task '{task.Name}' from it.");
        // Examples are judged as the task's own questions are, for which consent was given if it is needed.
        var examples = TaskSet.Load(file, task.Verifier) with { Name = task.Name, MaxTokens = task.MaxTokens };
        string name = FileName(task.Name);
        var options = SearchFlags.Options(parsed, examples.Items.Count);
        var questions = task.Items.GroupBy(static item => (item.System, item.Prompt)).ToDictionary(static group => group.Key, static group => group.First().Id);
        foreach (var example in examples.Items.Take(options.Shots))
        {
            if (questions.TryGetValue((example.System, example.Prompt), out string? question))
                throw new MisfitException($"{file}: example '{example.Id}' is question '{question}' of task '{task.Name}'; a mixture must not be judged by what it is chosen by.");
        }
        _searches.Add((task.Name, new FewShotRequest(examples, null, options with { Name = name, StatePath = Path.Combine(_folder, name + ".search.json") })));
    }

    private static string FileName(string task) => string.Concat(task.Select(static character => char.IsLetterOrDigit(character) || character is '-' or '_' or '.' ? character : '_'));
}
