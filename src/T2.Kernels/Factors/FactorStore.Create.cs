using System.Diagnostics.CodeAnalysis;
using T2.Gguf;

namespace T2.Kernels;

public sealed partial class FactorStore
{
    /// <summary>
    /// Opens a model's factor file, computing first whatever is missing: the whole file, or weights an existing one lacks. Finished weights survive a kill
    /// or a cancellation in <c>&lt;path&gt;.partial</c> and are not computed again. Of several processes one computes and the others wait for it.
    /// </summary>
    /// <param name="path">Path of the factor file, usually <see cref="DefaultPath"/>.</param>
    /// <param name="model">The model.</param>
    /// <param name="fingerprint">Fingerprint of its weights, as <see cref="WeightFingerprint"/> gives it.</param>
    /// <param name="weights">Names of the weights wanted, usually those of <see cref="BlockWeights.List"/>.</param>
    /// <param name="kernel">Computes them.</param>
    /// <param name="options">Bounds of threads and memory.</param>
    /// <param name="progress">Told when a weight is begun and finished, and of anything noteworthy; called from several threads, never at the same time.</param>
    /// <param name="ct">Stops between panels of a weight; what is finished is kept.</param>
    /// <exception cref="ArgumentException">A weight is not in the model or cannot be adapted, or the memory budget is too small.</exception>
    /// <exception cref="FactorizationException">A weight cannot be factorised; the message names it.</exception>
    /// <exception cref="FactorStoreException">The file cannot be read or written, is damaged, or belongs to other weights.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static FactorStore OpenOrCreate(
        string path,
        GgufFile model,
        string fingerprint,
        IReadOnlyList<string> weights,
        IWeightKernel kernel,
        FactorOptions options,
        IProgress<FactorProgress>? progress,
        CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        var tasks = FactorTask.Resolve(model, weights);
        if (TryOpenWith(path, fingerprint, tasks, out var finished))
            return finished;
        finished?.Dispose();

        var reporter = new FactorReporter(tasks, progress);
        using (FactorLock.Acquire(path + ".lock", () => reporter.Note("waiting for another process that is writing the same factor file"), ct))
        {
            if (TryOpenWith(path, fingerprint, tasks, out finished))
                return finished;
            using (finished)
            using (var partial = PartialFactorFile.Open(path + ".partial", fingerprint, reporter.Note, ct))
            {
                finished?.CopyMissingTo(partial, ct);
                Complete(partial, model, tasks, kernel, options, reporter, ct);
            }
            Publish(path);
        }
        return TryOpen(path, fingerprint) ?? throw new FactorStoreException(path, "the factor file has just been finished and is gone again.");
    }

    /// <summary>Opens the file. True where it has all the weights; false where it lacks some, or does not exist and <paramref name="store"/> is null.</summary>
    private static bool TryOpenWith(string path, string fingerprint, List<FactorTask> tasks, [NotNullWhen(true)] out FactorStore? store)
    {
        store = TryOpen(path, fingerprint);
        return store is not null && tasks.TrueForAll(store.Has);
    }

    private static void Complete(
        PartialFactorFile partial, GgufFile model, List<FactorTask> tasks, IWeightKernel kernel, FactorOptions options, FactorReporter reporter, CancellationToken ct)
    {
        var done = partial.Entries.Select(static entry => entry.WeightName).ToHashSet(StringComparer.Ordinal);
        foreach (var task in tasks.Where(task => done.Contains(task.Name)))
            reporter.Found(task);
        new FactorRun(model, kernel, partial, reporter).Compute([.. tasks.Where(task => !done.Contains(task.Name))], options, ct);
        partial.Complete();
    }

    private static void Publish(string path)
    {
        try
        {
            File.Move(path + ".partial", path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FactorStoreException(path, $"the finished factors in {path}.partial cannot be renamed to it: {e.Message} Run again when it can be.", e);
        }
    }

    private bool Has(FactorTask task) => _entries.TryGetValue(task.Name, out var entry)
        && (entry.Shape == task.Shape
            ? true
            : throw FactorStoreException.Unusable(Path, $"it has {task.Name} as {entry.Shape}, the model as {task.Shape}"));

    private void CopyMissingTo(PartialFactorFile partial, CancellationToken ct)
    {
        var present = partial.Entries.Select(static entry => entry.WeightName).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in _entries.Values.Where(entry => !present.Contains(entry.WeightName)))
        {
            ct.ThrowIfCancellationRequested();
            partial.Append(entry, VerifiedBytes(entry));
        }
    }
}
