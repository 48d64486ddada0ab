namespace T2.Llama;

/// <summary>One symbol of a rule.</summary>
/// <param name="Rule">The rule it refers to, or null for characters and tokens.</param>
/// <param name="Position">Where it stands in the grammar.</param>
/// <param name="Optional">Whether it may stand for nothing.</param>
internal readonly record struct GbnfItem(string? Rule, int Position, bool Optional = false);

/// <summary>The symbols of one alternative of a rule.</summary>
internal sealed class GbnfAlternative : List<GbnfItem>;

/// <summary>The rules of a grammar and what can be wrong between them.</summary>
internal sealed class GbnfRules
{
    private readonly Dictionary<string, (int Position, List<GbnfAlternative> Alternatives)> _rules = new(StringComparer.Ordinal);
    private readonly HashSet<string> _mayBeEmpty = new(StringComparer.Ordinal);

    public int Count => _rules.Count;

    /// <summary>Adds a rule; like llama.cpp's, a second definition replaces the first.</summary>
    public void Define(string name, int position, List<GbnfAlternative> alternatives) => _rules[name] = (position, alternatives);

    /// <summary>The first thing wrong, or null.</summary>
    public (string Text, int Position)? Problem()
    {
        if (!_rules.ContainsKey("root"))
            return ("no rule is called «root»", 0);
        foreach (GbnfItem item in _rules.Values.SelectMany(rule => rule.Alternatives).SelectMany(items => items))
        {
            if (item.Rule is not null && !_rules.ContainsKey(item.Rule))
                return ($"no rule is called «{item.Rule}»", item.Position);
        }

        FindRulesThatMayBeEmpty();
        var state = new Dictionary<string, bool>(StringComparer.Ordinal); // true while being visited
        foreach (string rule in _rules.Keys)
        {
            if (LeftRecursive(rule, state) is { } position)
                return ("this rule begins with itself (left recursion)", position);
        }

        return null;
    }

    private void FindRulesThatMayBeEmpty()
    {
        int before;
        do
        {
            before = _mayBeEmpty.Count;
            foreach ((string name, (_, List<GbnfAlternative> alternatives)) in _rules)
            {
                if (alternatives.Exists(items => items.TrueForAll(MayBeEmpty)))
                    _mayBeEmpty.Add(name);
            }
        }
        while (_mayBeEmpty.Count > before);
    }

    private bool MayBeEmpty(GbnfItem item) => item.Optional || (item.Rule is not null && _mayBeEmpty.Contains(item.Rule));

    /// <summary>Follows what a rule can begin with; returns the position of a rule that is met inside itself.</summary>
    private int? LeftRecursive(string rule, Dictionary<string, bool> state)
    {
        if (state.TryGetValue(rule, out bool visiting))
            return visiting ? _rules[rule].Position : null;
        state[rule] = true;
        foreach (GbnfAlternative items in _rules[rule].Alternatives)
        {
            foreach (GbnfItem item in items)
            {
                if (item.Rule is not null && LeftRecursive(item.Rule, state) is { } position)
                    return position;
                if (!MayBeEmpty(item))
                    break;
            }
        }

        state[rule] = false;
        return null;
    }
}
