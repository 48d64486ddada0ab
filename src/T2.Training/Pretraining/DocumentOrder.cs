namespace T2.Training;

/// <summary>Turns a list of documents into an endless sequence.</summary>
public static class DocumentOrder
{
    /// <summary>Every document once, in random order, then all of them again in another. Index i gives the same document every time.</summary>
    /// <param name="documents">At least one document.</param>
    /// <param name="seed">Decides the orders.</param>
    /// <exception cref="ArgumentException">There are no documents.</exception>
    public static Func<long, TrainingDocument> Shuffled(IReadOnlyList<TrainingDocument> documents, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(documents);
        if (documents.Count == 0)
            throw new ArgumentException("There are no documents to train on.", nameof(documents));
        var (epoch, order) = (-1L, Array.Empty<int>());
        return index =>
        {
            var (wanted, at) = Math.DivRem(index, documents.Count);
            if (wanted != epoch)
            {
                (epoch, order) = (wanted, [.. Enumerable.Range(0, documents.Count)]);
                var random = new SplitMix(seed ^ ((ulong)wanted * 0xD1342543DE82EF95));
                for (var i = order.Length - 1; i > 0; i--)
                {
                    var j = random.NextInt(i + 1);
                    (order[i], order[j]) = (order[j], order[i]);
                }
            }
            return documents[order[at]];
        };
    }
}
