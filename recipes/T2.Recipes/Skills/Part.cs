namespace T2.Recipes;

/// <summary>The side of the split a question is on.</summary>
internal enum Part
{
    /// <summary>The corpus, and what experts are trained on.</summary>
    Training,

    /// <summary>What the best checkpoint is chosen by.</summary>
    Validation,

    /// <summary>What results are reported on.</summary>
    Test,
}
