using System.Runtime.CompilerServices;

namespace T2.Llama;

/// <summary>Checks context options against llama.cpp's limits and turns them into its struct.</summary>
internal static class ContextParameters
{
    private const int MaxThreads = 512; // GGML_MAX_N_THREADS, beyond which ggml asserts

    public static unsafe LlamaContextParams From(LlamaContextOptions options)
    {
        int processors = Math.Min(Environment.ProcessorCount, MaxThreads);
        LlamaContextParams parameters = LlamaContextParams.Defaults;
        if (options.ContextLength > int.MaxValue)
            throw new ArgumentOutOfRangeException(nameof(options), options.ContextLength, $"ContextLength can be at most {int.MaxValue}.");
        parameters.ContextLength = options.ContextLength;
        parameters.BatchSize = RequirePositive(options.BatchSize);
        parameters.MicroBatchSize = RequirePositive(options.MicroBatchSize);
        parameters.MaxSequences = RequirePositive(options.MaxSequences);
        int limit = (int)LlamaNative.llama_max_parallel_sequences();
        if (options.MaxSequences > limit)
            throw new ArgumentOutOfRangeException(nameof(options), options.MaxSequences, $"MaxSequences can be at most {limit}.");
        parameters.UnifiedKv = options.UnifiedKv ? (byte)1 : (byte)0;
        parameters.Threads = options.Threads == 0 ? processors : RequireThreads(options.Threads, nameof(options));
        parameters.BatchThreads = options.BatchThreads == 0 ? processors : RequireThreads(options.BatchThreads, nameof(options));
        parameters.FlashAttention = EnumCode.Of(options.FlashAttention);
        parameters.TypeK = EnumCode.Of(options.TypeK);
        parameters.TypeV = EnumCode.Of(options.TypeV);
        parameters.EvalCallback = (delegate* unmanaged[Cdecl]<void*, byte, void*, byte>)options.EvalCallback;
        parameters.EvalCallbackData = (void*)options.EvalCallbackData;
        return parameters;
    }

    public static int RequireThreads(int threads, string parameter) => threads is >= 1 and <= MaxThreads
        ? threads
        : throw new ArgumentOutOfRangeException(parameter, threads, $"A context computes with 1 to {MaxThreads} threads.");

    private static uint RequirePositive(int value, [CallerArgumentExpression(nameof(value))] string name = "") => value > 0
        ? (uint)value
        : throw new ArgumentOutOfRangeException(name, value, "Must be positive.");
}
