namespace T2.Training;

/// <summary>
/// Random numbers as functions of what they are for, instead of a generator's state: a run that resumes draws what an uninterrupted one would have drawn.
/// </summary>
internal static class Seeds
{
    /// <summary>A number that depends on all of the arguments and looks random.</summary>
    internal static ulong Of(ulong seed, ulong purpose, ulong index) => Mix(Mix(Mix(seed) + purpose) + index);

    /// <summary>The numbers 0 to <paramref name="count"/> − 1 in an order that <paramref name="seed"/> decides (Fisher and Yates).</summary>
    internal static int[] Permutation(int count, ulong seed)
    {
        var order = new int[count];
        for (int index = 0; index < count; index++)
        {
            int other = (int)(Of(seed, 0, (ulong)index) % (ulong)(index + 1));
            order[index] = order[other];
            order[other] = index;
        }
        return order;
    }

    private static ulong Mix(ulong value) => new SplitMix(value).Next();
}
