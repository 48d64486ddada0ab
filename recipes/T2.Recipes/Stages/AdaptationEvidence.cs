using System.Text;
using T2.Gguf.Experts;
using T2.Runtime;
using T2.Tasks;

namespace T2.Recipes;

/// <summary>
/// Measures what each way of adapting buys: dispatch by prompt and by classification expert, few-shot mixtures and what they depend on, experts carried over to
/// another base. Writes adaptation.md into the work folder, part by part; what is measured already is not measured again.
/// </summary>
internal sealed class AdaptationEvidence
{
    private readonly RecipeOptions _options;
    private readonly AdaptationSize _size;
    private readonly TextWriter _log;
    private readonly AdaptationTasks _tasks;
    private readonly Measurement _measurement;
    private readonly MixtureSearches _searches;
    private readonly DispatchChoices _choices;
    private readonly IReadOnlyList<(Skill Skill, Measurement.Answerer System)> _experts;
    private readonly StringBuilder _report = new();

    private AdaptationEvidence(RecipeOptions options, AdaptationSize size, TextWriter log)
    {
        _options = options;
        _size = size;
        _log = TextWriter.Synchronized(log);
        _tasks = new AdaptationTasks(options, size);
        _measurement = new Measurement(options, _log);
        _searches = new MixtureSearches(options, size, _log);
        _choices = new DispatchChoices(options, _log);
        // In the order of a folder of experts, which is the order dispatch names them in.
        _experts =
        [
            .. SkillSet.WithExpert.OrderBy(static skill => skill.Name, StringComparer.Ordinal)
                .Select(skill => (skill, System: Families.Shipped(options, skill)))
                .Where(static pair => pair.System is not null)
                .Select(static pair => (pair.skill, pair.System!)),
        ];
        if (_experts.Count == 0)
            throw new InvalidOperationException($"{options.Output} holds no experts to adapt with; run the stage 'experts' first.");
    }

    private Measurement.Answerer Base => new("base", _options.Model);

    private IReadOnlyList<Expert> Experts => [.. _experts.Select(static pair => pair.System.Expert!)];

    /// <summary>Runs the measurements.</summary>
    public static void Run(RecipeOptions options, TextWriter log, CancellationToken cancellation) => RunAsync(options, new AdaptationSize(), log, cancellation).GetAwaiter().GetResult();

    /// <summary>Runs as much of the measurements as <paramref name="size"/> says.</summary>
    internal static Task RunAsync(RecipeOptions options, AdaptationSize size, TextWriter log, CancellationToken cancellation) =>
        new AdaptationEvidence(options, size, log).RunAsync(cancellation);

    private async Task RunAsync(CancellationToken cancellation)
    {
        WorkStamp.Require(_options.Work, [_options.Model, .. SkillSet.WithExpert.SelectMany(skill => new[] { _options.Expert(skill.Name), _options.Lora(skill.Name) }), _options.Classifier, _options.SecondModel]);
        await FactorAsync(_options.Model, cancellation).ConfigureAwait(false);
        List<IDispatchStrategy> strategies = [new ScoredChoiceDispatch()];
        if (Families.Classifier(_options)?.Expert is { } classifier)
            strategies.Add(new ClassificationDispatch(classifier));
        await Parallel.ForEachAsync(
            from task in _tasks.All.Prepend(_tasks.Dispatch) from strategy in strategies select (strategy, task),
            new ParallelOptions { MaxDegreeOfParallelism = _options.Threads, CancellationToken = cancellation },
            async (one, stop) => await _choices.OfAsync(one.strategy, Experts, one.task, stop).ConfigureAwait(false)).ConfigureAwait(false);

        await AddAsync("Dispatch", await DispatchAsync(strategies, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        await AddAsync("What each strategy buys", await StrategiesAsync(strategies, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        if (File.Exists(_options.SecondModel))
        {
            await FactorAsync(_options.SecondModel, cancellation).ConfigureAwait(false);
            var transfer = new TransferEvidence(_options, _size, _tasks, _measurement, _searches);
            await AddAsync("Transfer to a base of another seed", await transfer.TableAsync(_experts, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        }
        else
        {
            _log.WriteLine($"There is no {_options.SecondModel}: transfer is not measured.");
        }
        await AddAsync("Few-shot: examples and budget", await FewShotAsync(cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        await AddAsync("What a candidate costs", await CostAsync(cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        _log.WriteLine(_report);
    }

    private async Task AddAsync(string title, string text, CancellationToken cancellation)
    {
        _report.Append("## ").Append(title).Append("\n\n").Append(text).Append('\n');
        await File.WriteAllTextAsync(Path.Combine(_options.Work, "adaptation.md"), _report.ToString(), cancellation).ConfigureAwait(false);
    }

    /// <summary>Makes the factors, so that what then runs side by side finds them.</summary>
    private static async Task FactorAsync(string path, CancellationToken cancellation)
    {
        await using var model = await AdaptiveModel.LoadAsync(path, null, cancellation).ConfigureAwait(false);
        await model.FactorAsync(null, cancellation).ConfigureAwait(false);
    }

    private async Task<string> DispatchAsync(IReadOnlyList<IDispatchStrategy> strategies, CancellationToken cancellation)
    {
        var text = new StringBuilder();
        string[] columns = [.. _experts.Select(static pair => pair.Skill.Name), ExpertLibrary.Other];
        string[] labels = [.. _tasks.Dispatch.Items.Select(static item => item.Category!)];
        bool[]? byFirst = null;
        foreach (var strategy in strategies)
        {
            string[] choices = await _choices.OfAsync(strategy, Experts, _tasks.Dispatch, cancellation).ConfigureAwait(false);
            bool[] right = [.. choices.Zip(labels, static (choice, label) => choice == label)];
            text.Append(AdaptationTables.Confusion(strategy.Name, labels, choices, columns));
            if (byFirst is not null)
                text.Append(AdaptationTables.Compared(strategy.Name, right, strategies[0].Name, byFirst));
            byFirst ??= right;
        }
        text.Append("Where the questions of each task go, in per cent, and the share that goes to the expert of the kin skill:\n\n");
        foreach (var strategy in strategies)
        {
            var rows = new List<(string, string, string[])>();
            foreach (var task in _tasks.All)
                rows.Add((task.Name, AdaptationTasks.KinOf(task.Name), await _choices.OfAsync(strategy, Experts, task, cancellation).ConfigureAwait(false)));
            text.Append(AdaptationTables.Destinations(strategy.Name, rows, columns));
        }
        return text.ToString();
    }

    private async Task<string> StrategiesAsync(IReadOnlyList<IDispatchStrategy> strategies, CancellationToken cancellation)
    {
        List<TaskSet> tasks = [.. _tasks.All];
        (Skill Skill, Measurement.Answerer System)[] loras =
        [
            .. SkillSet.WithExpert.Where(skill => File.Exists(_options.Lora(skill.Name)))
                .Select(skill => (skill, new Measurement.Answerer($"lora-{skill.Name}", _options.Model, null, _options.Lora(skill.Name)))),
        ];
        var uniform = new Measurement.Answerer("uniform", _options.Model, Expert.Mix([.. Experts.Select(expert => (expert, 1f / _experts.Count))], "uniform"));
        var searches = tasks.ToDictionary(static task => task.Name, task => SearchFor(task, _size.Shots, _size.Generations, 0));
        await _searches.PrepareAsync(searches.Values, cancellation).ConfigureAwait(false);
        var mixtures = new Dictionary<string, Measurement.Answerer>(StringComparer.Ordinal);
        foreach (var (task, search) in searches)
            mixtures[task] = await FoundAsync(search, cancellation).ConfigureAwait(false);
        await _measurement.PrepareAsync(
            [
                .. new[] { Base, uniform }.Concat(_experts.Concat(loras).Select(static pair => pair.System)).Select(system => (system, (IReadOnlyList<TaskSet>)tasks)),
                .. tasks.Select(task => (mixtures[task.Name], (IReadOnlyList<TaskSet>)[task])),
            ],
            cancellation).ConfigureAwait(false);

        var table = new StrategyTable([.. strategies.Select(static strategy => strategy.Name)]);
        foreach (var task in tasks)
        {
            async Task<bool[]> Of(Measurement.Answerer system) => (await _measurement.VerdictsAsync(system, [task], cancellation).ConfigureAwait(false))[task.Name];
            var byExpert = new Dictionary<string, bool[]>(StringComparer.Ordinal) { [ExpertLibrary.Other] = await Of(Base).ConfigureAwait(false) };
            foreach (var (skill, system) in _experts)
                byExpert[skill.Name] = await Of(system).ConfigureAwait(false);
            var byLora = new Dictionary<string, bool[]>(StringComparer.Ordinal);
            foreach (var (skill, system) in loras)
                byLora[skill.Name] = await Of(system).ConfigureAwait(false);
            var dispatched = new List<bool[]>();
            foreach (var strategy in strategies)
                dispatched.Add(DispatchChoices.Verdicts(await _choices.OfAsync(strategy, Experts, task, cancellation).ConfigureAwait(false), byExpert));
            table.Add(
                task.Name,
                new StrategyTable.Row(byExpert, byLora, dispatched, await Of(mixtures[task.Name]).ConfigureAwait(false), await Of(uniform).ConfigureAwait(false)),
                isUnseen: _tasks.Unseen.Contains(task));
        }
        string shares = AdaptationTables.Shares([.. mixtures.Select(static pair => (pair.Key, pair.Value.Expert))], [.. _experts.Select(static pair => pair.Skill.Name)]);
        return $"{table.Write()}\nShares that few-shot found ({_size.Shots} examples, {_size.Generations} generations of {_size.Population}):\n\n{shares}";
    }

    private async Task<string> FewShotAsync(CancellationToken cancellation)
    {
        List<TaskSet> tasks = [.. _tasks.Studied];
        var byShots = (from task in tasks from count in _size.ShotCounts from draw in Enumerable.Range(0, _size.Draws) select (task, Search: SearchFor(task, count, _size.Generations, draw))).ToList();
        var byBudget = (from task in tasks from budget in _size.Budgets from draw in Enumerable.Range(0, _size.Draws) select (task, Search: SearchFor(task, _size.Shots, budget, draw))).ToList();
        await _searches.PrepareAsync(byShots.Concat(byBudget).Select(static one => one.Search), cancellation).ConfigureAwait(false);
        var answerers = new Dictionary<string, Measurement.Answerer>(StringComparer.Ordinal);
        foreach (var (_, search) in byShots.Concat(byBudget))
            answerers[search.Name] = await FoundAsync(search, cancellation).ConfigureAwait(false);
        await _measurement.PrepareAsync(byShots.Concat(byBudget).Select(one => (answerers[one.Search.Name], (IReadOnlyList<TaskSet>)[one.task])), cancellation).ConfigureAwait(false);

        var text = new StringBuilder();
        foreach (var task in tasks)
        {
            bool[] reference = (await _measurement.VerdictsAsync(Base, [task], cancellation).ConfigureAwait(false))[task.Name];
            text.Append("**").Append(task.Name).Append("**, base ").Append(ResultTables.Cell(reference, reference)).Append(":\n\n");
            foreach (var (what, searches) in new[] { ("examples", byShots), ("generations", byBudget) })
            {
                var rows = new List<(string, List<(Expert?, bool[])>)>();
                foreach (var group in searches.Where(one => one.task == task).GroupBy(one => what == "examples" ? one.Search.Shots : one.Search.Generations))
                {
                    var cells = new List<(Expert?, bool[])>();
                    foreach (var (_, search) in group)
                        cells.Add((answerers[search.Name].Expert, (await _measurement.VerdictsAsync(answerers[search.Name], [task], cancellation).ConfigureAwait(false))[task.Name]));
                    rows.Add(($"{group.Key} {what}", cells));
                }
                text.Append(AdaptationTables.Draws(rows, reference)).Append('\n');
            }
        }
        return text.ToString();
    }

    /// <summary>One search after the other, nothing beside them.</summary>
    private async Task<string> CostAsync(CancellationToken cancellation)
    {
        var task = _tasks.Studied.First();
        var shots = _tasks.Shots(task, 0);
        var rows = new List<(int, List<double>)>();
        foreach (int count in Enumerable.Range(1, _experts.Count))
        {
            var row = new List<double>();
            foreach (int examples in _size.ShotCounts)
                row.Add(await _searches.MillisecondsAsync(MixtureSearches.Search.For("timed-", _options.Model, [.. Experts.Take(count)], shots, examples, _size.TimedGenerations, 0), cancellation).ConfigureAwait(false));
            rows.Add((count, row));
        }
        return AdaptationTables.Milliseconds(task.Name, rows, _size.ShotCounts);
    }

    private MixtureSearches.Search SearchFor(TaskSet task, int shots, int generations, int draw) =>
        MixtureSearches.Search.For("", _options.Model, Experts, _tasks.Shots(task, draw), shots, generations, draw);

    private async Task<Measurement.Answerer> FoundAsync(MixtureSearches.Search search, CancellationToken cancellation) =>
        new(search.Name, search.Model, await _searches.FindAsync(search, cancellation).ConfigureAwait(false));
}
