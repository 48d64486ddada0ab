using T2.Llama;

namespace T2.Runtime;

/// <summary>Chooses the tokens of one answer. The two ways that evaluation and training use cost no call into llama.cpp and no allocation per token.</summary>
internal abstract class TokenSampler : IDisposable
{
    /// <summary>Makes the sampler of a request.</summary>
    /// <param name="model">The model.</param>
    /// <param name="request">The request.</param>
    /// <param name="scratch">Room for a row of the vocabulary that samplers used on one thread share.</param>
    /// <exception cref="LlamaException">The grammar has an error.</exception>
    /// <exception cref="ArgumentException">A sampling option is out of range.</exception>
    internal static TokenSampler Create(LlamaModel model, BatchRequest request, float[] scratch)
    {
        var options = request.Sampling;
        bool plain = options.Grammar is null && (options.RepeatLastN <= 0 || (options.RepeatPenalty == 1 && options.FrequencyPenalty == 0 && options.PresencePenalty == 0));
        if (plain && options.Temperature <= 0)
            return new Greedy();
        if (plain && options.TopK <= 0 && options.TopP == 1 && options.MinP == 0 && float.IsFinite(options.Temperature))
            return new Softmax(options.Temperature, request.Seed, scratch);
        // uint.MaxValue means "draw one" to llama.cpp.
        uint seed = (uint)(request.Seed ^ (request.Seed >> 32)) % uint.MaxValue;
        return new Chain(new LlamaSampler(model, options with { Seed = seed }));
    }

    /// <summary>Chooses a token by its logits, one per token of the vocabulary.</summary>
    /// <exception cref="LlamaException">The logits are broken, or a grammar allows none.</exception>
    internal abstract int Sample(ReadOnlySpan<float> logits);

    public virtual void Dispose()
    {
    }

    private static float Highest(ReadOnlySpan<float> logits)
    {
        float max = LogitMath.Max(logits);
        return float.IsFinite(max) ? max : throw new LlamaException($"The largest logit is {max}: the weights are broken.");
    }

    /// <summary>The likeliest token; the first of equals, as in llama.cpp.</summary>
    private sealed class Greedy : TokenSampler
    {
        internal override int Sample(ReadOnlySpan<float> logits) => logits.IndexOf(Highest(logits));
    }

    /// <summary>Draws from softmax(logits / temperature).</summary>
    private sealed class Softmax(float temperature, ulong seed, float[] scratch) : TokenSampler
    {
        private ulong _state = seed;

        internal override int Sample(ReadOnlySpan<float> logits)
        {
            double left = LogitMath.Exponentials(logits, Highest(logits), 1 / temperature, scratch) * NextUniform();
            int last = 0;
            for (int token = 0; token < logits.Length; token++)
            {
                if (scratch[token] == 0)
                    continue;
                last = token;
                left -= scratch[token];
                if (left < 0)
                    break;
            }
            return last;
        }

        /// <summary>Uniform in [0, 1), 53 bits: SplitMix64 (Steele, Lea, Flood 2014), whose neighbouring seeds are independent.</summary>
        private double NextUniform()
        {
            ulong z = _state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
        }
    }

    /// <summary>llama.cpp's own chain, for everything else.</summary>
    private sealed class Chain(LlamaSampler sampler) : TokenSampler
    {
        internal override int Sample(ReadOnlySpan<float> logits) => sampler.Sample(logits);

        public override void Dispose()
        {
            sampler.Dispose();
            base.Dispose();
        }
    }
}
