namespace T2.Llama;

/// <summary>Builds llama.cpp's samplers from options.</summary>
internal static class SamplingChain
{
    /// <exception cref="ArgumentException">An option is not a number, or out of range.</exception>
    public static void Require(LlamaSamplingOptions options)
    {
        RequireRange(options.Temperature, nameof(options.Temperature), float.MinValue, float.MaxValue);
        RequireRange(options.TopP, nameof(options.TopP), 0, 1);
        RequireRange(options.MinP, nameof(options.MinP), 0, 1);
        RequireRange(options.RepeatPenalty, nameof(options.RepeatPenalty), float.Epsilon, float.MaxValue);
        RequireRange(options.FrequencyPenalty, nameof(options.FrequencyPenalty), float.MinValue, float.MaxValue);
        RequireRange(options.PresencePenalty, nameof(options.PresencePenalty), float.MinValue, float.MaxValue);
        ArgumentOutOfRangeException.ThrowIfNegative(options.RepeatLastN, nameof(options.RepeatLastN));
        if (options.Seed == uint.MaxValue)
            throw new ArgumentOutOfRangeException(nameof(options), options.Seed, "Seed: llama.cpp reads this value as «draw one»; leave Seed null for that.");
    }

    /// <summary>The chain without the grammar.</summary>
    public static SafeSamplerHandle Create(LlamaSamplingOptions options, uint seed, int vocabularySize)
    {
        var chain = new SafeSamplerHandle(LlamaNative.llama_sampler_chain_init(noPerformanceCounters: 1));
        // A step that would change nothing is left out.
        if (options.RepeatLastN > 0 && (options.RepeatPenalty != 1 || options.FrequencyPenalty != 0 || options.PresencePenalty != 0))
        {
            Add(chain, LlamaNative.llama_sampler_init_penalties(
                vocabularySize, options.RepeatLastN, options.RepeatPenalty, options.FrequencyPenalty, options.PresencePenalty));
        }

        if (options.Temperature <= 0)
        {
            Add(chain, LlamaNative.llama_sampler_init_greedy());
            return chain;
        }

        if (options.TopK > 0)
            Add(chain, LlamaNative.llama_sampler_init_top_k(options.TopK));
        if (options.TopP < 1)
            Add(chain, LlamaNative.llama_sampler_init_top_p(options.TopP, 1));
        if (options.MinP > 0)
            Add(chain, LlamaNative.llama_sampler_init_min_p(options.MinP, 1));
        Add(chain, LlamaNative.llama_sampler_init_temp(options.Temperature));
        Add(chain, LlamaNative.llama_sampler_init_dist(seed));
        return chain;
    }

    /// <summary>A sampler that forbids every token the grammar does not allow next.</summary>
    /// <exception cref="LlamaException">The grammar has an error.</exception>
    public static SafeSamplerHandle Grammar(LlamaVocabulary vocabulary, string grammar)
    {
        if (grammar.Contains('\0'))
            throw new LlamaException($"The grammar has a zero character at index {grammar.IndexOf('\0')}.");
        GbnfParser.Require(grammar, text => vocabulary.Tokenize(text, addSpecial: false, parseSpecial: true).Length == 1);
        using var use = new HandleUse(vocabulary.Model);
        using LlamaLogCapture log = LlamaLog.Capture();
        nint sampler = LlamaNative.llama_sampler_init_grammar(vocabulary.NativePointer, grammar, "root");
        if (sampler == 0)
            throw new LlamaException($"llama.cpp cannot use the grammar {Shorten(grammar)}.{log.Explanation}");
        return new SafeSamplerHandle(sampler, vocabulary.Model);
    }

    private static void Add(SafeSamplerHandle chain, nint sampler) => LlamaNative.llama_sampler_chain_add(chain, sampler);

    private static void RequireRange(float value, string name, float min, float max)
    {
        if (!(value >= min && value <= max))
            throw new ArgumentOutOfRangeException(name, value, $"Must be between {min} and {max}.");
    }

    private static string Shorten(string grammar) => grammar.Length <= 200 ? grammar : grammar[..200] + "…";
}
