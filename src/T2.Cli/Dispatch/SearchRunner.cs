using T2.Gguf.Experts;
using T2.Runtime;
using T2.Runtime.Search;

namespace T2.Cli;

/// <summary>Runs a few-shot search with a line on stderr per generation.</summary>
internal static class SearchRunner
{
    internal static async Task<FewShotResult> RunAsync(
        Terminal terminal, AdaptiveModel model, IReadOnlyList<Expert> experts, FewShotRequest request, BatchOptions batch, CancellationToken cancellation, bool allowOtherBase = false)
    {
        foreach (var expert in experts)
            ExpertFit.Verify(expert, model.File, model.Fingerprint, allowOtherBase);
        // llama.cpp plans memory for all sequences, so there are no more than there are answers to give at a time.
        int sequences = Math.Clamp(Math.Max(request.Options.Shots, request.Validation?.Items.Count ?? 0), 1, 64);
        var options = request.Options with { Batch = batch with { Sequences = sequences } };
        try
        {
            var search = new FewShotSearch(model, experts, request.Task, options);
            var result = await search.RunAsync(request.Validation, new Lines(terminal), cancellation).ConfigureAwait(false);
            terminal.Note(Units.Invariant($"Found {Describe(result.Shares)}: {result.ShotAccuracy:P0} of {options.Shots} shots (base {result.BaseShotAccuracy:P0}), {result.CandidateTime.TotalMilliseconds:0.0} ms a candidate."));
            return result;
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
    }

    internal static string Describe(IReadOnlyList<(string Expert, double Share)> shares) =>
        string.Join(", ", shares.Select(static share => Units.Invariant($"{share.Expert}={share.Share:0.###}")));

    private sealed class Lines(Terminal terminal) : IProgress<FewShotProgress>
    {
        public void Report(FewShotProgress value) => terminal.Note(Units.Invariant(
            $"generation {value.Generation}/{value.Generations}: best {value.BestAccuracy:P0}, mean {value.MeanAccuracy:P0}, {Describe(value.Shares)}"));
    }
}
