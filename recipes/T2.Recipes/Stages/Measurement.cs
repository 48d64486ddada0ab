using System.Diagnostics;
using System.Globalization;
using T2.Gguf;
using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime;
using T2.Tasks;

namespace T2.Recipes;

/// <summary>
/// Answers test sets greedily and keeps, item by item, which answers were right: a file of 0s and 1s for each system and task, so that a stopped
/// evaluation goes on, and so that systems can be compared in pairs.
/// </summary>
internal sealed class Measurement(RecipeOptions options, TextWriter log)
{
    /// <summary>One way of answering.</summary>
    /// <param name="Name">Names the file of its verdicts.</param>
    /// <param name="Model">The base model's file.</param>
    /// <param name="Expert">An SVF expert, or null.</param>
    /// <param name="Lora">A LoRA adapter's file, or null.</param>
    public sealed record Answerer(string Name, string Model, Expert? Expert = null, string? Lora = null)
    {
        /// <summary>Numbers that were trained.</summary>
        public long ParameterCount => Expert is not null
            ? Expert.Vectors.Sum(static pair => (long)pair.Value.Length)
            : Lora is null ? 0 : GgufTensors(Lora);

        private static long GgufTensors(string path)
        {
            using var file = GgufFile.Open(path);
            return file.Tensors.Sum(static tensor => tensor.ElementCount);
        }
    }

    /// <summary>Measures what no file has yet, as many systems at a time as there are threads.</summary>
    public Task PrepareAsync(IEnumerable<(Answerer System, IReadOnlyList<TaskSet> Tasks)> work, CancellationToken cancellation) =>
        Parallel.ForEachAsync(
            // One system at a time where two lines of work are about the same: they would write the same files.
            work.GroupBy(static part => part.System.Name).ToList(),
            new ParallelOptions { MaxDegreeOfParallelism = options.Threads, CancellationToken = cancellation },
            async (parts, stop) => await VerdictsAsync(parts.First().System, [.. parts.SelectMany(static part => part.Tasks).DistinctBy(static task => task.Name)], stop).ConfigureAwait(false));

    /// <summary>The verdicts of a system on tasks, measured where no file has them yet.</summary>
    public async Task<IReadOnlyDictionary<string, bool[]>> VerdictsAsync(Answerer system, IReadOnlyList<TaskSet> tasks, CancellationToken cancellation)
    {
        var verdicts = new Dictionary<string, bool[]>(StringComparer.Ordinal);
        var missing = new List<TaskSet>();
        foreach (var task in tasks)
        {
            string path = PathOf(system, task);
            if (File.Exists(path) && await File.ReadAllTextAsync(path, cancellation).ConfigureAwait(false) is var kept && kept.Length == task.Items.Count)
                verdicts[task.Name] = [.. kept.Select(static character => character == '1')];
            else
                missing.Add(task);
        }
        if (missing.Count == 0)
            return verdicts;

        var modelOptions = new ModelOptions { AdaptationThreads = 1, AllowOtherBase = true };
        await using var model = await AdaptiveModel.LoadAsync(system.Model, modelOptions, cancellation).ConfigureAwait(false);
        await using var generator = new BatchGenerator(model, new BatchOptions { Sequences = 64, ContextLength = 192, Threads = 1 });
        using var lora = system.Lora is { } file ? LlamaLoraAdapter.Load(model.Native, file) : null;
        if (lora is not null)
            generator.SetLoraAdapters(new LlamaLoraUse(lora));
        foreach (var task in missing)
        {
            var started = Stopwatch.GetTimestamp();
            bool[] right = await AnswerAsync(generator, task, system.Expert, cancellation).ConfigureAwait(false);
            Directory.CreateDirectory(Path.GetDirectoryName(PathOf(system, task))!);
            await File.WriteAllTextAsync(PathOf(system, task), string.Concat(right.Select(static said => said ? '1' : '0')), cancellation).ConfigureAwait(false);
            verdicts[task.Name] = right;
            log.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{system.Name,-28} {task.Name,-20} {right.Count(static said => said) * 100.0 / right.Length,5:F1} %  {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s"));
        }
        return verdicts;
    }

    private static async Task<bool[]> AnswerAsync(BatchGenerator generator, TaskSet task, Expert? expert, CancellationToken cancellation)
    {
        var verifier = Verifier.Create(task.Verifier);
        var right = new bool[task.Items.Count];
        var requests = task.Items.Select(item => new BatchRequest(item.Prompt) { System = item.System, MaxTokens = task.MaxTokens });
        await foreach (var answer in generator.GenerateAsync(requests, expert, cancellation).ConfigureAwait(false))
        {
            if (answer.Error is { } error)
                throw new InvalidOperationException($"{task.Name}, item {task.Items[answer.Index].Id}: {error}");
            right[answer.Index] = (await verifier.VerifyAsync(task.Items[answer.Index], answer.Text, cancellation).ConfigureAwait(false)).Correct;
        }
        return right;
    }

    private string PathOf(Answerer system, TaskSet task) => Path.Combine(options.Work, "verdicts", $"{system.Name}.{task.Name}.txt");
}
