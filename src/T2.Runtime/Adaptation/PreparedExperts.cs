using T2.Gguf.Experts;
using T2.Weights;

namespace T2.Runtime;

/// <summary>Rebuilt experts within a budget of memory, least recently used ones given up first. Not thread-safe.</summary>
/// <param name="budget">Bytes they may take; what is added last is kept whatever it takes.</param>
internal sealed class PreparedExperts(long budget)
{
    private readonly LinkedList<PreparedExpert> _experts = new();

    /// <summary>Bytes of memory taken.</summary>
    internal long ByteLength => _experts.Sum(static prepared => prepared.Arena.Length);

    /// <summary>A prepared expert, which is the most recently used from then on; null if it is not kept.</summary>
    internal PreparedExpert? Find(Expert expert)
    {
        for (var node = _experts.First; node is not null; node = node.Next)
        {
            if (ReferenceEquals(node.Value.Expert, expert))
            {
                _experts.Remove(node);
                _experts.AddFirst(node);
                return node.Value;
            }
        }
        return null;
    }

    /// <summary>Keeps an expert. Room has been made by <see cref="Rent"/>.</summary>
    internal void Add(PreparedExpert prepared) => _experts.AddFirst(prepared);

    /// <summary>An arena for an expert to come. Experts are given up until it fits the budget, and the memory of one is reused: fresh pages cost time.</summary>
    /// <param name="length">Bytes needed.</param>
    /// <param name="leave">Called before an expert's memory goes: it may not be shown any more.</param>
    /// <exception cref="InsufficientMemoryException">There is no memory for it.</exception>
    internal TensorArena Rent(long length, Action<PreparedExpert> leave)
    {
        TensorArena? spare = null;
        long kept = ByteLength;
        while (_experts.Last is { } last && length > budget - kept)
        {
            kept -= last.Value.Arena.Length;
            leave(last.Value);
            _experts.RemoveLast();
            // A spare much larger than needed would take memory that the budget does not know of.
            if (spare is null && last.Value.Arena.Length is var size && size >= length && size - length <= length / 16)
                spare = last.Value.Arena;
            else
                last.Value.Arena.Dispose();
        }
        spare?.Clear();
        return spare ?? new TensorArena(length);
    }

    /// <summary>Gives up every expert.</summary>
    internal void Clear()
    {
        foreach (var prepared in _experts)
            prepared.Arena.Dispose();
        _experts.Clear();
    }
}
