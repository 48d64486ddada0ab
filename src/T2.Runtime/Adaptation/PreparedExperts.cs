using T2.Gguf.Experts;
using T2.Weights;

namespace T2.Runtime;

/// <summary>Rebuilt experts within a budget of memory on each place, least recently used ones given up first. Not thread-safe.</summary>
/// <param name="budget">Bytes they may take on the host; what is added last is kept whatever it takes.</param>
/// <param name="devices">The devices they may lie on besides, each with a budget of its own that nothing exceeds.</param>
internal sealed class PreparedExperts(long budget, IReadOnlyList<DeviceWeights> devices)
{
    private const int SmallSlack = 1 << 16;

    private readonly LinkedList<PreparedExpert> _experts = new();

    /// <summary>Whether an expert of a length fits the host's budget, with all others given up.</summary>
    internal bool Allows(long length) => length <= budget;

    /// <summary>Bytes of memory taken on the host.</summary>
    internal long ByteLength => Taken(null);

    /// <summary>Bytes of memory taken on a device; null = on the host.</summary>
    internal long Taken(ITensorDevice? device) => _experts.SelectMany(static prepared => prepared.Arenas).Where(arena => ReferenceEquals(arena.Device, device)).Sum(static arena => arena.Length);

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
    /// Memory for an expert to come, one arena a place: the host's, then each device's. Experts are given up until it fits the budgets, a mixture before a
    /// mixture first, and the memory of one is reused: fresh pages cost time. A device that cannot hold the expert gives an arena without room.
    /// </summary>
    /// <param name="lengths">Bytes needed on each place.</param>
    /// <param name="forMixture">Whether a mixture is to come.</param>
    /// <param name="leave">Called before an expert's memory goes: it may not be shown any more.</param>
    /// <exception cref="InsufficientMemoryException">There is no host memory for it.</exception>
    internal TensorArena[] Rent(IReadOnlyList<long> lengths, bool forMixture, Action<PreparedExpert> leave)
    {
        PreparedExpert? spare = null;
        while (NextToGo(lengths, forMixture) is { } going)
        {
            leave(going);
            _experts.Remove(going);
            // A spare much larger than needed would take memory that the budget does not know of.
            if (spare is null && going.Arenas.Count == lengths.Count && going.Arenas.Zip(lengths).All(static pair => Suits(pair.First, pair.Second)))
                spare = going;
            else
                going.Dispose();
        }
        if (spare is not null)
        {
            foreach (var arena in spare.Arenas)
                arena.Clear();
            return [.. spare.Arenas];
        }
        var arenas = new List<TensorArena>();
        try
        {
            arenas.Add(new TensorArena(lengths[0]));
            for (int index = 0; index < devices.Count; index++)
                arenas.Add(OnDevice(devices[index], lengths[index + 1]));
            return [.. arenas];
        }
        catch
        {
            arenas.ForEach(static arena => arena.Dispose());
            throw;
        }
    }

    /// <summary>Gives up experts until one of these lengths fits the budgets.</summary>
    /// <param name="lengths">Bytes needed on each place.</param>
    /// <param name="leave">Called before an expert's memory goes.</param>
    internal void MakeRoom(IReadOnlyList<long> lengths, Action<PreparedExpert> leave)
    {
        while (NextToGo(lengths, forMixture: false) is { } going)
        {
            leave(going);
            _experts.Remove(going);
            going.Dispose();
        }
    }

    /// <summary>Gives up every expert.</summary>
    internal void Clear()
    {
        foreach (var prepared in _experts)
            prepared.Dispose();
        _experts.Clear();
    }

    private PreparedExpert? NextToGo(IReadOnlyList<long> lengths, bool forMixture)
    {
        if (forMixture && _experts.FirstOrDefault(static prepared => prepared.IsMixture) is { } mixture)
            return mixture;
        bool isShort = lengths[0] > budget - ByteLength;
        for (int index = 0; index < devices.Count; index++)
        {
            long available = devices[index].PreparedBudget;
            isShort |= lengths[index + 1] <= available && lengths[index + 1] > available - Taken(devices[index]);
        }
        return isShort ? _experts.Last?.Value : null;
    }

    private static bool Suits(TensorArena arena, long length) =>
        arena.IsWritable && arena.Length >= length && arena.Length - length <= Math.Max(length / 16, SmallSlack);

    /// <summary>An arena on a device. One that has no room after all is not asked again: the plan counts on what was free when it was made.</summary>
    private static TensorArena OnDevice(DeviceWeights device, long length)
    {
        if (length <= device.PreparedBudget)
        {
            try
            {
                return new TensorArena(length, device);
            }
            catch (InsufficientMemoryException)
            {
                device.GiveUpPreparing();
            }
        }
        return new TensorArena(0, device);
    }
}
