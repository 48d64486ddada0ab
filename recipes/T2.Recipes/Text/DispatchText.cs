using T2.Runtime;

namespace T2.Recipes;

/// <summary>The dispatch prompt as the runtime itself writes it: asked of the product, so that the model is trained on what it will be shown.</summary>
internal static class DispatchText
{
    /// <summary>What the runtime puts before a label, and after it.</summary>
    public const string AnswerPrefix = "\\boxed{", AnswerSuffix = "}";

    /// <summary>The system message for these experts.</summary>
    public static string SystemMessage(IEnumerable<Skill> skills)
    {
        var reader = new Reader();
        new ScoredChoiceDispatch().Decide(reader, "", [.. skills.Select(static skill => new ExpertLabel(skill.Name, skill.Description))], CancellationToken.None);
        return reader.System!;
    }

    /// <summary>What the runtime scores for a label.</summary>
    public static string Answer(string label) => AnswerPrefix + label + AnswerSuffix;

    /// <summary>Keeps the message and finds every label equally likely.</summary>
    private sealed class Reader : IDispatchReader
    {
        public string? System { get; private set; }

        public string Render(string system, string user)
        {
            System = system;
            return "";
        }

        public double[] Score(string prompt, IReadOnlyList<string> continuations, CancellationToken cancellation, out int tokens)
        {
            if (prompt != AnswerPrefix || !continuations.All(static text => text.EndsWith(AnswerSuffix, StringComparison.Ordinal)))
                throw new InvalidOperationException($"The runtime's dispatch asks for '{prompt}{continuations[0]}', the corpus answers '{Answer("label")}'.");
            tokens = 0;
            return new double[continuations.Count];
        }

        public string Continue(string prompt, int maxTokens, CancellationToken cancellation, out int tokens) => throw new NotSupportedException();
    }
}
