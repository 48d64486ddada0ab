using System.Runtime.CompilerServices;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>The circle method: an even number of players, all of whom meet all others once in players − 1 rounds of disjoint pairs.</summary>
internal static class Tournament
{
    /// <summary>First player of a pair, the smaller one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int First(int pair, int round, int players)
    {
        var a = Seat(pair, round, players);
        var b = Seat(players - 1 - pair, round, players);
        return a < b ? a : b;
    }

    /// <summary>Second player of a pair, the larger one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Second(int pair, int round, int players)
    {
        var a = Seat(pair, round, players);
        var b = Seat(players - 1 - pair, round, players);
        return a < b ? b : a;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Seat(int seat, int round, int players) => seat == 0 ? 0 : 1 + (int)((uint)(seat - 1 + round) % (uint)(players - 1));
}
