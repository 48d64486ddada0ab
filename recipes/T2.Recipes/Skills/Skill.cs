namespace T2.Recipes;

/// <summary>Something the model learns, with unlimited fresh examples.</summary>
internal abstract class Skill
{
    /// <summary>Label in dispatch and name of its expert.</summary>
    public abstract string Name { get; }

    /// <summary>One line for the expert file, which dispatch shows to the model.</summary>
    public abstract string Description { get; }

    /// <summary>Every text whose pieces between the places {0}, {1}, … should be single tokens.</summary>
    public abstract IEnumerable<string> Templates { get; }

    /// <summary>Longest answer in tokens, its end included.</summary>
    public virtual int MaxTokens => 8;

    /// <summary>A question.</summary>
    public abstract Question Draw(Random random);

    /// <summary>A question the corpus has besides, easier, so that the skill is learnt sooner; no test has it.</summary>
    public virtual Question DrawLesson(Random random) => Draw(random);

    private protected static T Pick<T>(Random random, IReadOnlyList<T> among) => among[random.Next(among.Count)];

    /// <summary>Different elements of <paramref name="among"/>, in random order.</summary>
    private protected static T[] PickDistinct<T>(Random random, IReadOnlyList<T> among, int count)
    {
        var rest = among.ToArray();
        random.Shuffle(rest);
        return rest[..count];
    }

    /// <summary>Different letters, in random order.</summary>
    private protected static string Letters(Random random, int shortest, int longest) =>
        new(PickDistinct(random, "abcdefghijklmnopqrstuvwxyz".ToCharArray(), random.Next(shortest, longest + 1)));
}
