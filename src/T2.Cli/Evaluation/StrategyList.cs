using T2.Evaluation;
using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime;

namespace T2.Cli;

/// <summary>The strategies of <c>t2 eval</c> by their names on the command line; holds the LoRA adapters they use.</summary>
internal sealed class StrategyList : IDisposable
{
    internal const string Names = "base, prompt, cls[:EXPERT], fewshot[:FILE], uniform, experts, expert:NAME|FILE, lora:FILE";

    private readonly List<LlamaLoraAdapter> _adapters = [];

    private StrategyList()
    {
    }

    /// <summary>The strategies, in the order given.</summary>
    internal List<EvaluationStrategy> Strategies { get; } = [];

    /// <summary>Finds what each name stands for. The experts are in the model's library already.</summary>
    /// <param name="found">What strategy "fewshot" answers each task with; filled in before the evaluation.</param>
    internal static StrategyList Resolve(
        IEnumerable<string> names, AdaptiveModel model, IReadOnlyDictionary<string, Expert?> found, bool allowOtherBase, float confidence)
    {
        var list = new StrategyList();
        try
        {
            foreach (string name in names)
                list.Add(name.Trim(), model, found, confidence);
            if (list.Strategies.CountBy(static strategy => strategy.Name).FirstOrDefault(static pair => pair.Value > 1).Key is { } twice)
                throw new UsageException($"Two strategies would be called '{twice}'; name each once, and rename files of the same name.");
            foreach (var expert in list.Strategies.Select(static strategy => strategy.Expert).OfType<Expert>())
                ExpertFit.Verify(expert, model.File, model.Fingerprint, allowOtherBase);
            return list;
        }
        catch
        {
            list.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var adapter in _adapters)
            adapter.Dispose();
    }

    private void Add(string name, AdaptiveModel model, IReadOnlyDictionary<string, Expert?> found, float confidence)
    {
        var library = model.Experts;
        var (kind, argument) = name.IndexOf(':') is var colon and >= 0 ? (name[..colon], name[(colon + 1)..]) : (name, null);
        switch (kind, argument)
        {
            case ("base", null):
                Strategies.Add(EvaluationStrategy.Base);
                break;
            case ("expert", { Length: > 0 }):
                var expert = ExpertCatalog.Find(library, argument);
                Strategies.Add(EvaluationStrategy.Fixed($"expert:{expert.Name}", expert));
                break;
            case ("experts", null):
                foreach (var each in Some(library, name))
                    Strategies.Add(EvaluationStrategy.Fixed($"expert:{each.Name}", each));
                break;
            case ("uniform", null):
                var all = Some(library, name);
                Strategies.Add(EvaluationStrategy.Fixed("uniform", Expert.Mix([.. all.Select(one => (one, 1f / all.Count))], "uniform")));
                break;
            case (FewShotMixtures.Strategy, null):
                Some(library, name);
                Strategies.Add(EvaluationStrategy.PerTask(name, found));
                break;
            case (FewShotMixtures.Strategy, { Length: > 0 }):
                Strategies.Add(EvaluationStrategy.Fixed($"fewshot:{Path.GetFileNameWithoutExtension(argument)}", ExpertCatalog.Find(library, argument)));
                break;
            case ("lora", { Length: > 0 }):
                var adapter = LlamaLoraAdapter.Load(model.Native, argument);
                _adapters.Add(adapter);
                Strategies.Add(EvaluationStrategy.Lora($"lora:{Path.GetFileNameWithoutExtension(argument)}", adapter));
                break;
            case ("prompt", null):
                Some(library, name);
                Strategies.Add(EvaluationStrategy.Dispatched("prompt", new ScoredChoiceDispatch { MinimumConfidence = confidence }, library, Units.Invariant($"confidence {confidence}")));
                break;
            case ("cls", _):
                Some(library, name);
                var classifier = argument is null ? OnlyClassifier(library) : ExpertCatalog.Find(library, argument);
                var dispatch = new ClassificationDispatch(classifier, confidence);
                Strategies.Add(EvaluationStrategy.Dispatched(argument is null ? "cls" : $"cls:{classifier.Name}", dispatch, library, Units.Invariant($"confidence {confidence}")));
                break;
            default:
                throw new UsageException($"'{name}' is no strategy; there are {Names}.");
        }
    }

    private static IReadOnlyList<Expert> Some(ExpertLibrary library, string strategy) =>
        library.Experts.Count > 0 ? library.Experts : throw new UsageException($"Strategy '{strategy}' needs experts (--experts).");

    private static Expert OnlyClassifier(ExpertLibrary library) => library.Classifiers.Count switch
    {
        1 => library.Classifiers[0],
        0 => throw new UsageException("Strategy 'cls' needs a classification expert among the --experts, or named: cls:FILE."),
        _ => throw new UsageException($"There are {library.Classifiers.Count} classification experts ({string.Join(", ", library.Classifiers.Select(static one => one.Name))}); name one: cls:NAME."),
    };
}
