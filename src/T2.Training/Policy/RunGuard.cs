using T2.Llama;

namespace T2.Training;

/// <summary>Sees to it that a run that ends before its time leaves a checkpoint and says so.</summary>
internal static class RunGuard
{
    /// <summary>Reads the checkpoint of a run that is to be resumed; null for one that begins.</summary>
    /// <exception cref="TrainingException">There is none to resume from, or one that a new run would lose.</exception>
    internal static TrainingCheckpoint? Open(TrainingJob request)
    {
        bool exists = File.Exists(request.CheckpointPath);
        if (request.Resume && !exists)
            throw new TrainingException($"There is no checkpoint {request.CheckpointPath} to resume from.");
        if (!request.Resume && exists)
            throw new TrainingException($"{request.CheckpointPath} is left of an unfinished run: resume it, or delete it to begin anew.");
        return exists ? TrainingCheckpoint.Load(request.CheckpointPath) : null;
    }

    /// <summary>Runs; on any failure writes the state of the last finished step.</summary>
    /// <param name="request">The run.</param>
    /// <param name="log">Its log.</param>
    /// <param name="run">Does the work.</param>
    /// <param name="snapshot">The state of the last finished step; null where none is finished.</param>
    internal static async Task RunAsync(TrainingJob request, TrainingLog log, Func<Task> run, Func<TrainingCheckpoint?> snapshot)
    {
        try
        {
            await run().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            var state = snapshot();
            state?.Save(request.CheckpointPath);
            TrainingCurve.Write(request.CurvePath, request, log.Records);
            string kept = state is null ? "no step was finished" : $"step {state.Step} is kept in {request.CheckpointPath}, --resume goes on from it";
            throw e switch
            {
                OperationCanceledException cancelled => new OperationCanceledException($"cancelled; {kept}", cancelled, cancelled.CancellationToken),
                OutOfMemoryException => new TrainingException($"Out of memory; {kept}. Fewer questions a step, fewer samples or shorter answers need less.", e),
                TrainingException or LlamaException => new TrainingException($"{e.Message} ({kept})", e),
                _ => e,
            };
        }
    }
}
