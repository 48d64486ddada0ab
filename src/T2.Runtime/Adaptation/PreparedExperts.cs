using T2.Gguf.Experts;
using T2.Weights;

namespace T2.Runtime;

/// <summary>Rebuilt experts within a budget of memory, least recently used ones given up first. Not thread-safe.</summary>
/// <param name="budget">Bytes they may take; what is added last is kept whatever it takes.</param>
internal sealed class PreparedExperts(long budget)
{
    private const int SmallSlack = 1 << 16;

    private readonly LinkedList<PreparedExpert> _experts = new();

    /// <summary>Whether an expert of a length fits the budget, with all others given up.</summary>
    internal bool Allows(long length) => length <= budget;

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

    /// <summary>
    /// An arena for an expert to come. Experts are given up until it fits the budget, a mixture before a mixture first, and the memory of one is reused:
    /// fresh pages cost time.
    /// </summary>
    /// <param name="length">Bytes needed.</param>
    /// <param name="forMixture">Whether a mixture is to come.</param>
    /// <param name="leave">Called before an expert's memory goes: it may not be shown any more.</param>
    /// <exception cref="InsufficientMemoryException">There is no memory for it.</exception>
    internal TensorArena Rent(long length, bool forMixture, Action<PreparedExpert> leave)
    {
        TensorArena? spare = null;
        while (NextToGo(length, forMixture) is { } going)
        {
            leave(going);
            _experts.Remove(going);
            // A spare much larger than needed would take memory that the budget does not know of.
            if (spare is null && going.Arena.IsWritable && going.Arena.Length >= length && going.Arena.Length - length <= Math.Max(length / 16, SmallSlack))
                spare = going.Arena;
            else
                going.Arena.Dispose();
        }
        spare?.Clear();
        return spare ?? new TensorArena(length);
    }

    /// <summary>Gives up experts until one of a length fits the budget.</summary>
    /// <param name="length">Bytes needed.</param>
    /// <param name="leave">Called before an expert's memory goes.</param>
    internal void MakeRoom(long length, Action<PreparedExpert> leave)
    {
        while (NextToGo(length, forMixture: false) is { } going)
        {
            leave(going);
            _experts.Remove(going);
            going.Arena.Dispose();
        }
    }

    private PreparedExpert? NextToGo(long length, bool forMixture)
    {
        if (forMixture && _experts.FirstOrDefault(static prepared => prepared.IsMixture) is { } mixture)
            return mixture;
        return length > budget - ByteLength ? _experts.Last?.Value : null;
    }

    /// <summary>Gives up every expert.</summary>
    internal void Clear()
    {
        foreach (var prepared in _experts)
            prepared.Arena.Dispose();
        _experts.Clear();
    }
}
