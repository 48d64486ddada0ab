using System.Globalization;

namespace T2.Llama;

/// <summary>
/// Reads a GBNF grammar the way llama.cpp does and says where it is wrong. llama.cpp itself prints the reason to stderr and
/// returns nothing, and some grammars end the process: a repetition {3,2} takes all memory, deep nesting the whole stack,
/// and so do rules that come back to themselves through others that may be empty.
/// </summary>
internal sealed class GbnfParser
{
    private const int MaxRepetition = 2000; // llama.cpp's own limit
    private const int MaxNesting = 128;
    private const int MaxRules = 4096;

    private readonly string _text;
    private readonly Func<string, bool> _isToken;
    private readonly GbnfRules _rules = new();
    private int _position;
    private int _nesting;

    private GbnfParser(string text, Func<string, bool> isToken)
    {
        _text = text;
        _isToken = isToken;
    }

    /// <summary>Checks a whole grammar.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <param name="isToken">Whether a text such as "&lt;think&gt;" is the spelling of a single token.</param>
    /// <exception cref="LlamaException">The grammar has an error; the message gives line and column.</exception>
    public static void Require(string grammar, Func<string, bool> isToken)
    {
        var parser = new GbnfParser(grammar, isToken);
        parser.ParseRules();
        if (parser._rules.Problem() is { } problem)
            throw parser.Error(problem.Text, problem.Position);
    }

    private char Current => _position < _text.Length ? _text[_position] : '\0';

    private void ParseRules()
    {
        SkipSpace(newLines: true);
        while (_position < _text.Length)
        {
            int start = _position;
            string name = ParseName();
            SkipSpace(newLines: false);
            if (!_text.AsSpan(_position).StartsWith("::=", StringComparison.Ordinal))
                throw Error("«::=» is missing");
            _position += 3;
            SkipSpace(newLines: true);
            _rules.Define(name, start, ParseAlternatives(nested: false));
            if (_position < _text.Length && Current is not ('\r' or '\n'))
                throw Error("a new line or the end is missing");
            SkipSpace(newLines: true);
            if (_rules.Count > MaxRules)
                throw Error($"there are more than {MaxRules} rules");
        }
    }

    private List<GbnfAlternative> ParseAlternatives(bool nested)
    {
        List<GbnfAlternative> alternatives = [ParseSequence(nested)];
        while (Current == '|')
        {
            _position++;
            SkipSpace(newLines: true);
            alternatives.Add(ParseSequence(nested));
        }

        return alternatives;
    }

    private GbnfAlternative ParseSequence(bool nested)
    {
        var sequence = new GbnfAlternative();
        bool repeatable = false;
        while (true)
        {
            int start = _position;
            switch (Current)
            {
                case '"':
                    repeatable = ParseCharacters('"', ranges: false);
                    AddTerminal();
                    break;
                case '[':
                    repeatable = ParseCharacters(']', ranges: true);
                    AddTerminal();
                    break;
                case '.':
                    _position++;
                    repeatable = true;
                    AddTerminal();
                    break;
                case '<' or '!':
                    ParseToken();
                    repeatable = true;
                    AddTerminal();
                    break;
                case '(':
                    sequence.Add(new GbnfItem(ParseGroup(), start));
                    repeatable = true;
                    break;
                case '*' or '+' or '?' or '{':
                    if (!repeatable)
                        throw Error("there is nothing to repeat before this");
                    (int least, bool vanishes) = ParseRepetition();
                    if (least == 0)
                        sequence[^1] = sequence[^1] with { Optional = true };
                    repeatable = !vanishes;
                    break;
                case var c when IsWord(c):
                    sequence.Add(new GbnfItem(ParseName(), start));
                    repeatable = true;
                    break;
                default:
                    return sequence;
            }

            SkipSpace(nested);

            // An empty literal or class adds nothing to the sequence.
            void AddTerminal() => sequence.Add(new GbnfItem(null, start, Optional: !repeatable));
        }
    }

    private string ParseGroup()
    {
        int start = _position++;
        if (++_nesting > MaxNesting)
            throw Error($"brackets are nested more than {MaxNesting} deep", start);
        SkipSpace(newLines: true);
        List<GbnfAlternative> alternatives = ParseAlternatives(nested: true);
        if (Current != ')')
            throw Error("«)» is missing");
        _position++;
        _nesting--;
        string name = $"({start})"; // no rule of the grammar can be called that
        _rules.Define(name, start, alternatives);
        return name;
    }

    /// <returns>The least number of repetitions, and whether there may be none at all.</returns>
    private (int Least, bool Vanishes) ParseRepetition()
    {
        int start = _position;
        char kind = _text[_position++];
        if (kind != '{')
            return (kind == '+' ? 1 : 0, false);
        SkipSpace(newLines: false);
        int least = ParseNumber();
        int most = least;
        SkipSpace(newLines: false);
        if (Current == ',')
        {
            _position++;
            SkipSpace(newLines: false);
            most = char.IsAsciiDigit(Current) ? ParseNumber() : int.MaxValue;
            SkipSpace(newLines: false);
        }

        if (Current != '}')
            throw Error("«}» is missing");
        _position++;
        if (least > MaxRepetition)
            throw Error($"more than {MaxRepetition} repetitions", start);
        if (most < least)
            throw Error($"the most repetitions, {most}, are fewer than the least, {least}", start);
        return (least, most == 0);
    }

    /// <returns>Whether there is any character between the delimiters.</returns>
    private bool ParseCharacters(char end, bool ranges)
    {
        int start = _position++;
        if (ranges && Current == '^')
            _position++;
        bool any = false;
        for (; Current != end; any = true)
        {
            ParseCharacter(start, end);
            if (ranges && Current == '-' && _position + 1 < _text.Length && _text[_position + 1] != end)
            {
                _position++;
                ParseCharacter(start, end);
            }
        }

        _position++;
        return any;
    }

    private void ParseCharacter(int start, char end)
    {
        if (_position >= _text.Length)
            throw Error($"«{end}» is missing", start);
        if (_text[_position++] != '\\')
            return;
        int digits = Current switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits == 0 && !"trn\\\"[]-".Contains(Current, StringComparison.Ordinal))
            throw Error("unknown escape", _position - 1);
        _position++;
        for (int i = 0; i < digits; i++, _position++)
        {
            if (!char.IsAsciiHexDigit(Current))
                throw Error($"{digits} hexadecimal digits are expected here");
        }
    }

    private void ParseToken()
    {
        if (Current == '!')
            _position++;
        int start = _position;
        int end = _text.IndexOf('>', start);
        if (Current != '<' || end < 0)
            throw Error("a token is written <name> or <[number]>", start);
        _position = end + 1;
        string token = _text[start.._position];
        bool valid = token.StartsWith("<[", StringComparison.Ordinal)
            ? token.EndsWith("]>", StringComparison.Ordinal) && int.TryParse(token.AsSpan(2..^2), NumberStyles.None, CultureInfo.InvariantCulture, out _)
            : _isToken(token);
        if (!valid)
            throw Error($"«{token}» is no token of the vocabulary", start);
    }

    private string ParseName()
    {
        int start = _position;
        while (IsWord(Current))
            _position++;
        return _position > start ? _text[start.._position] : throw Error("the name of a rule is expected here");
    }

    private int ParseNumber()
    {
        int start = _position;
        while (char.IsAsciiDigit(Current))
            _position++;
        return int.TryParse(_text.AsSpan(start.._position), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw Error("a number of repetitions is expected here", start);
    }

    private void SkipSpace(bool newLines)
    {
        for (; _position < _text.Length; _position++)
        {
            if (Current == '#')
                _position = _text.AsSpan(_position).IndexOfAny('\r', '\n') is >= 0 and var rest ? _position + rest : _text.Length;
            if (!(Current is ' ' or '\t' || (newLines && Current is '\r' or '\n')))
                return;
        }
    }

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c == '-';

    private LlamaException Error(string what, int? position = null)
    {
        ReadOnlySpan<char> before = _text.AsSpan(0, position ?? _position);
        int line = before.Count('\n') + 1;
        int column = before.Length - before.LastIndexOf('\n');
        return new LlamaException($"The grammar has an error at line {line}, column {column}: {what}.");
    }
}
