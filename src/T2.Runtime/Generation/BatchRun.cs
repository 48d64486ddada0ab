using System.Diagnostics;
using T2.Llama;

namespace T2.Runtime;

/// <summary>
/// Answers many requests over one context: each round admits requests to free sequences, decodes one batch (a token of every answer under way, and prompts into
/// what room is left) and samples. Runs on one thread with the model's gate held. Which requests share a round depends on the requests alone, so a run repeats.
/// </summary>
internal sealed class BatchRun(BatchGenerator generator, AdaptedContext context, BatchSlot[] slots, IEnumerator<BatchRequest> requests, Action<BatchAnswer> answered)
{
    /// <summary>Tokens two prompts must have in common for one to wait until the other is decoded.</summary>
    private const int WorthWaitingFor = 8;

    /// <summary>Tokens another sequence must hold beyond a free one's own for a copy of its cache to be worth it.</summary>
    private const int WorthCopying = 4;

    private readonly LinkedList<BatchJob> _waiting = new();
    private readonly float[] _scratch = new float[context.Model.VocabularySize];
    private int _next;
    private bool _exhausted;

    internal int Answers { get; private set; }

    internal long PromptTokens { get; private set; }

    internal long SharedTokens { get; private set; }

    internal long GeneratedTokens { get; private set; }

    internal int Decodes { get; private set; }

    internal TimeSpan Decoding { get; private set; }

    internal void Run(CancellationToken cancellation)
    {
        Forget();
        try
        {
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                Admit();
                if (Array.TrueForAll(slots, static slot => slot.Job is null))
                    return;
                Plan();
                if (Decode(cancellation))
                    Sample();
            }
        }
        finally
        {
            foreach (var slot in slots)
                slot.Job?.Sampler.Dispose();
            foreach (var job in _waiting)
                job.Sampler.Dispose();
        }
    }

    /// <summary>Nothing computed before this call is used in it: what it answers depends on its requests and the weights only.</summary>
    private void Forget()
    {
        context.Begin();
        foreach (var slot in slots)
        {
            slot.Job = null;
            slot.Cached = [];
            slot.Decoded = 0;
        }
    }

    private void Admit()
    {
        int free = slots.Count(static slot => slot.Job is null);
        Refill(slots.Length + free);
        for (var node = _waiting.First; node is not null && free > 0;)
        {
            var job = node.Value;
            var following = node.Next;
            if (Place(job))
            {
                _waiting.Remove(node);
                free--;
            }
            node = following;
        }
    }

    private void Refill(int wanted)
    {
        while (_waiting.Count < wanted && !_exhausted)
        {
            if (!requests.MoveNext())
            {
                _exhausted = true;
                return;
            }
            if (Prepare(_next++, requests.Current) is { } job)
                _waiting.AddLast(job);
        }
    }

    /// <summary>A job for a request; null if it has been answered already, because it cannot run or asks for nothing.</summary>
    private BatchJob? Prepare(int index, BatchRequest request)
    {
        int[] prompt = [];
        try
        {
            ArgumentNullException.ThrowIfNull(request);
            prompt = generator.Tokenize(request);
            if (prompt.Length == 0)
                throw new ArgumentException("The prompt is empty.");
            if (prompt.FirstOrDefault(token => (uint)token >= (uint)_scratch.Length, -1) is var foreign and not -1)
                throw new ArgumentException($"Token {foreign} of the prompt is none of the vocabulary's {_scratch.Length}.");
            int room = generator.ContextLength - prompt.Length;
            if (room < 1)
                throw new PromptTooLongException(prompt.Length, generator.ContextLength, "The prompt");
            // The last token sampled is never decoded, so it needs no room.
            int limit = request.MaxTokens < 0 ? room + 1 : Math.Min(request.MaxTokens, room + 1);
            PromptTokens += prompt.Length;
            if (limit > 0)
                return new BatchJob(index, request, prompt, TokenSampler.Create(context.Model, request, _scratch), limit);
            Report(new BatchAnswer(index, request, prompt, [], "", BatchAnswer.Length));
        }
        catch (Exception exception) when (exception is ArgumentException or LlamaException or PromptTooLongException or NotSupportedException)
        {
            Report(new BatchAnswer(index, request, prompt, [], "", BatchAnswer.ErrorPrefix + exception.Message));
        }
        return null;
    }

    /// <summary>Gives a job the free slot that already holds most of its prompt, or false if it had better wait for a prompt that is about to be decoded.</summary>
    private bool Place(BatchJob job)
    {
        BatchSlot? target = null;
        BatchSlot? source = null;
        int own = -1;
        int shared = 0;
        int coming = 0;
        int most = generator.SharesPrefixes ? job.Prompt.Length - 1 : 0;
        foreach (var slot in slots)
        {
            int common = slot.SharedWith(job.Prompt, most);
            if (slot.Job is null && common > own)
                (target, own) = (slot, common);
            if (common > shared)
                (source, shared) = (slot, common);
            if (slot.Job is { } other && slot.Decoded < other.Prompt.Length)
                coming = Math.Max(coming, Math.Min(most, other.Prompt.AsSpan().CommonPrefixLength(job.Prompt)));
        }
        if (coming >= shared + WorthWaitingFor)
            return false;
        Occupy(target!, job, own, shared >= own + WorthCopying ? source : null, shared);
        return true;
    }

    private void Occupy(BatchSlot target, BatchJob job, int own, BatchSlot? source, int shared)
    {
        var native = context.Native;
        int kept = own;
        if (source is not null)
        {
            native.SequenceRemove(target.Sequence);
            native.SequenceCopy(source.Sequence, target.Sequence);
            kept = shared;
        }
        // Models that cannot forget a part of a sequence begin anew.
        if (!native.SequenceRemove(target.Sequence, kept))
        {
            native.SequenceRemove(target.Sequence);
            kept = 0;
        }
        SharedTokens += kept;
        target.Job = job;
        target.Cached = job.Prompt;
        target.Decoded = kept;
    }

    /// <summary>Every answer under way gets its token; prompts share what room is left, in the order of their requests.</summary>
    private void Plan()
    {
        int room = context.BatchSize;
        foreach (var slot in slots)
        {
            slot.Planned = slot.Generating ? 1 : 0;
            room -= slot.Planned;
        }
        foreach (var slot in slots.Where(static slot => slot.Job is not null && !slot.Generating).OrderBy(static slot => slot.Job!.Index))
        {
            slot.Planned = Math.Min(room, slot.Job!.Prompt.Length - slot.Decoded);
            room -= slot.Planned;
        }
    }

    /// <summary>Decodes what is planned; false if llama.cpp failed, which ends the answers under way and no others.</summary>
    private bool Decode(CancellationToken cancellation)
    {
        var batch = context.EmptyBatch();
        foreach (var slot in slots)
        {
            slot.Logits = -1;
            if (slot.Job is not { } job || slot.Planned == 0)
                continue;
            if (slot.Generating)
            {
                slot.Logits = batch.Add(job.Last, job.Prompt.Length + job.Count - 1, slot.Sequence, true);
                continue;
            }
            int end = slot.Decoded + slot.Planned;
            for (int position = slot.Decoded; position < end; position++)
            {
                bool last = position == job.Prompt.Length - 1;
                int index = batch.Add(job.Prompt[position], position, slot.Sequence, last);
                if (last)
                    slot.Logits = index;
            }
            slot.Decoded = end;
        }

        long started = Stopwatch.GetTimestamp();
        try
        {
            context.Decode(cancellation);
            return true;
        }
        catch (LlamaException exception)
        {
            foreach (var slot in slots.Where(static slot => slot.Job is not null))
                Finish(slot, BatchAnswer.ErrorPrefix + exception.Message);
            Forget();
            return false;
        }
        finally
        {
            Decoding += Stopwatch.GetElapsedTime(started);
            Decodes++;
        }
    }

    private void Sample()
    {
        foreach (var slot in slots)
        {
            if (slot.Logits < 0)
                continue;
            var job = slot.Job!;
            int token;
            try
            {
                token = job.Sampler.Sample(context.Logits(slot.Logits));
            }
            catch (LlamaException exception)
            {
                Finish(slot, BatchAnswer.ErrorPrefix + exception.Message);
                continue;
            }
            job.Append(token);
            GeneratedTokens++;
            if (generator.EndsGeneration(token))
                Finish(slot, BatchAnswer.Stop);
            else if (job.Count == job.Limit)
                Finish(slot, job.Limit == job.Request.MaxTokens ? BatchAnswer.Length : BatchAnswer.Context);
        }
    }

    private void Finish(BatchSlot slot, string reason)
    {
        var job = slot.Job!;
        slot.Job = null;
        job.Sampler.Dispose();
        var spoken = reason == BatchAnswer.Stop ? job.Tokens[..^1] : job.Tokens;
        Report(new BatchAnswer(job.Index, job.Request, job.Prompt, job.Tokens.ToArray(), context.Model.Vocabulary.Detokenize(spoken), reason));
    }

    private void Report(BatchAnswer answer)
    {
        Answers++;
        answered(answer);
    }
}
