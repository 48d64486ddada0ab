namespace T2.Cli;

/// <summary>An expression that gives z for one singular value, such as <c>1 + 0.1*sin(i/8)</c>. The grammar is in <see cref="FormulaParser"/>.</summary>
internal sealed class Formula
{
    private readonly Node _root;

    internal Formula(string text, Node root, bool usesSigma)
    {
        Text = text;
        _root = root;
        UsesSigma = usesSigma;
    }

    /// <summary>A part of the expression, ready to evaluate.</summary>
    internal delegate double Node(in FormulaPoint point);

    /// <summary>The expression as written.</summary>
    internal string Text { get; }

    /// <summary>Whether it needs the weight's singular values.</summary>
    internal bool UsesSigma { get; }

    internal static Formula Parse(string text) => new FormulaParser(text).Parse();

    internal double Evaluate(in FormulaPoint point) => _root(point);
}
