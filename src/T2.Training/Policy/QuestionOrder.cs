namespace T2.Training;

/// <summary>Which questions a step asks: each once an epoch, in an order of the epoch's own. A function of the step, so that a resumed run goes on alike.</summary>
internal sealed class QuestionOrder(int count, int batch, ulong seed)
{
    private const ulong Purpose = 1;

    private long _epoch = -1;
    private int[] _order = [];

    /// <param name="step">Steps done before this one.</param>
    internal int[] Of(int step)
    {
        int[] chosen = new int[batch];
        for (int index = 0; index < batch; index++)
        {
            long position = (long)step * batch + index;
            if (position / count != _epoch)
            {
                _epoch = position / count;
                _order = Seeds.Permutation(count, Seeds.Of(seed, Purpose, (ulong)_epoch));
            }
            chosen[index] = _order[(int)(position % count)];
        }
        return chosen;
    }
}
