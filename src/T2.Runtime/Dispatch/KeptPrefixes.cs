using T2.Gguf.Experts;
using T2.Llama;

namespace T2.Runtime;

/// <summary>
/// What the KV cache holds after an instruction, kept so that the next question under the same weights and the same instruction need not decode it again. It is
/// kept outside the cache: pass 2 clears that, and the answer has all of its room. Under other weights a copy is worth nothing, so each belongs to an expert, or
/// to the base. Not thread-safe; the owner holds the model's gate.
/// </summary>
internal sealed class KeptPrefixes
{
    private const int Most = 4;

    // Users' texts that begin so differently that what they have in common is the instruction.
    private static readonly string[] s_probes = ["a", "7", "Is", "\"", "Ж"];

    private readonly LinkedList<(Expert? Weights, int[] Tokens, byte[] State)> _states = new();
    private readonly Dictionary<(ChatFormat, string), int[]> _tokens = [];

    /// <summary>The tokens that every question under an instruction begins with.</summary>
    internal int[] TokensOf(LlamaModel model, ChatFormat format, string system)
    {
        if (_tokens.TryGetValue((format, system), out int[]? known))
            return known;
        int[][] texts = [.. s_probes.Select(probe => PromptTokens.Of(model, format.Render(model, [new("system", system), new("user", probe)])))];
        int shared = texts.Min(text => text.AsSpan().CommonPrefixLength(texts[0]));
        if (_tokens.Count >= 2 * Most)
            _tokens.Clear();
        return _tokens[(format, system)] = texts[0][..shared];
    }

    /// <summary>The copy made under an expert after these tokens; null if none is kept.</summary>
    internal byte[]? Find(Expert? weights, ReadOnlySpan<int> tokens)
    {
        for (var node = _states.First; node is not null; node = node.Next)
        {
            if (ReferenceEquals(node.Value.Weights, weights) && tokens.SequenceEqual(node.Value.Tokens))
            {
                _states.Remove(node);
                _states.AddFirst(node);
                return node.Value.State;
            }
        }
        return null;
    }

    /// <summary>Keeps a copy; the least recently used one goes when there are too many.</summary>
    internal void Add(Expert? weights, int[] tokens, byte[] state)
    {
        _states.AddFirst((weights, tokens, state));
        if (_states.Count > Most)
            _states.RemoveLast();
    }
}
