using System.Globalization;
using T2.Gguf.Experts;
using T2.Runtime;
using T2.Runtime.Search;
using T2.Tasks;

namespace T2.Recipes;

/// <summary>Few-shot searches, each kept as an expert file; a stopped one goes on where it was.</summary>
internal sealed class MixtureSearches(RecipeOptions options, AdaptationSize size, TextWriter log)
{
    private const int ContextLength = 192;

    /// <summary>One search.</summary>
    /// <param name="Name">Names its files.</param>
    /// <param name="Model">The base model's file.</param>
    /// <param name="Experts">What to mix.</param>
    /// <param name="Task">Its first items are the examples.</param>
    /// <param name="Shots">How many.</param>
    /// <param name="Generations">How long.</param>
    /// <param name="Seed">Begins the random numbers.</param>
    public sealed record Search(string Name, string Model, IReadOnlyList<Expert> Experts, TaskSet Task, int Shots, int Generations, int Seed)
    {
        /// <summary>The search for a task by the examples of a draw.</summary>
        public static Search For(string prefix, string model, IReadOnlyList<Expert> experts, TaskSet shots, int count, int generations, int draw) => new(
            string.Create(CultureInfo.InvariantCulture, $"{prefix}fewshot-{count}x{generations}-{draw + 1}-{shots.Name}"), model, experts, shots, count, generations, draw);
    }

    /// <summary>Runs what no file has yet, as many searches at a time as there are threads, the longest first.</summary>
    public Task PrepareAsync(IEnumerable<Search> searches, CancellationToken cancellation) => Parallel.ForEachAsync(
        searches.DistinctBy(static search => search.Name).OrderByDescending(static search => search.Shots * search.Generations),
        new ParallelOptions { MaxDegreeOfParallelism = options.Threads, CancellationToken = cancellation },
        async (search, stop) => await FindAsync(search, stop).ConfigureAwait(false));

    /// <summary>What a search finds; null = the base.</summary>
    public async Task<Expert?> FindAsync(Search search, CancellationToken cancellation)
    {
        string path = Path.Combine(options.Work, "mixtures", search.Name + ".gguf");
        string nothing = Path.ChangeExtension(path, ".base");
        if (File.Exists(nothing))
            return null;
        if (File.Exists(path))
            return Expert.Load(path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await using var model = await LoadAsync(search, cancellation).ConfigureAwait(false);
        var result = await RunAsync(model, search, size.Population, Path.ChangeExtension(path, ".state.json"), cancellation).ConfigureAwait(false);
        if (result.Found is { } found)
            found.Save(path);
        else
            await File.WriteAllTextAsync(nothing, "The search ended with no share for any expert.\n", cancellation).ConfigureAwait(false);
        string shares = string.Join(", ", result.Shares.Select(static share => string.Create(CultureInfo.InvariantCulture, $"{share.Expert} {share.Share:F2}")));
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{search.Name}: {shares}; {result.ShotAccuracy:P0} of the examples, base {result.BaseShotAccuracy:P0}, {result.CandidateTime.TotalMilliseconds:F0} ms a candidate"));
        return result.Found;
    }

    /// <summary>Milliseconds that a candidate of a search takes on one thread, the median of three searches; nothing is kept.</summary>
    public async Task<double> MillisecondsAsync(Search search, CancellationToken cancellation)
    {
        await using var model = await LoadAsync(search, cancellation).ConfigureAwait(false);
        var times = new List<double>();
        for (int repetition = 0; repetition < 3; repetition++)
            times.Add((await RunAsync(model, search, size.TimedPopulation, null, cancellation).ConfigureAwait(false)).CandidateTime.TotalMilliseconds);
        return times.Order().ElementAt(1);
    }

    private static Task<AdaptiveModel> LoadAsync(Search search, CancellationToken cancellation) =>
        AdaptiveModel.LoadAsync(search.Model, new ModelOptions { AdaptationThreads = 1 }, cancellation);

    private async Task<FewShotResult> RunAsync(AdaptiveModel model, Search search, int population, string? state, CancellationToken cancellation)
    {
        var fewShot = new FewShotSearch(model, search.Experts, search.Task, new FewShotOptions
        {
            Name = search.Name,
            Shots = search.Shots,
            Generations = search.Generations,
            Population = population,
            Elites = Math.Min(size.Elites, population),
            Seed = (ulong)search.Seed,
            StatePath = state,
            Batch = new BatchOptions { Sequences = search.Shots, ContextLength = ContextLength, Threads = 1 },
        });
        return await fewShot.RunAsync(cancellation: cancellation).ConfigureAwait(false);
    }
}
