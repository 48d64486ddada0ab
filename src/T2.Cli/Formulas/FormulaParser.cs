using System.Globalization;

namespace T2.Cli;

/// <summary>
/// Recursive descent over
/// <code>
/// sum     := product (('+' | '-') product)*
/// product := sign (('*' | '/') sign)*
/// sign    := ('+' | '-') sign | power
/// power   := primary ('^' sign)?                      right to left; −2^2 = −4
/// primary := number | name | name '(' sum (',' sum)* ')' | '(' sum ')'
/// </code>
/// Names: the variables i, r, layer, sigma and the constant pi; the functions sin cos exp log sqrt abs (one argument), min max (two or more),
/// rand randn (one: the seed).
/// </summary>
internal sealed class FormulaParser(string text)
{
    // Deeper nesting than anyone writes, and far from the end of the stack.
    private const int MaxDepth = 200;
    private const int MaxLength = 4096;

    private int _position;
    private int _depth;
    private bool _usesSigma;

    internal Formula Parse()
    {
        if (text.Length > MaxLength)
            throw new UsageException($"The formula is {text.Length} characters long; the longest allowed is {MaxLength}.");
        var root = Sum();
        if (_position < text.Length)
            throw Error($"'{text[_position]}' was not expected");
        return new Formula(text, root, _usesSigma);
    }

    private Formula.Node Sum()
    {
        var left = Product();
        while (true)
        {
            var (first, negative) = (left, Peek() == '-');
            if (!negative && Peek() != '+')
                return left;
            _position++;
            var second = Product();
            left = negative
                ? (in FormulaPoint point) => first(point) - second(point)
                : (in FormulaPoint point) => first(point) + second(point);
        }
    }

    private Formula.Node Product()
    {
        var left = Sign();
        while (true)
        {
            var (first, divided) = (left, Peek() == '/');
            if (!divided && Peek() != '*')
                return left;
            _position++;
            var second = Sign();
            left = divided
                ? (in FormulaPoint point) => first(point) / second(point)
                : (in FormulaPoint point) => first(point) * second(point);
        }
    }

    private Formula.Node Sign()
    {
        if (++_depth > MaxDepth)
            throw Error($"it nests deeper than {MaxDepth} levels");
        try
        {
            char sign = Peek();
            if (sign is not ('+' or '-'))
                return Power();
            _position++;
            var operand = Sign();
            return sign == '+' ? operand : (in FormulaPoint point) => -operand(point);
        }
        finally
        {
            _depth--;
        }
    }

    private Formula.Node Power()
    {
        var radix = Primary();
        if (Peek() != '^')
            return radix;
        _position++;
        var exponent = Sign();
        return (in FormulaPoint point) => Math.Pow(radix(point), exponent(point));
    }

    private Formula.Node Primary()
    {
        char next = Peek();
        if (next == '(')
        {
            _position++;
            var inner = Sum();
            Expect(')');
            return inner;
        }
        if (char.IsAsciiDigit(next) || next == '.')
            return Number();
        if (char.IsAsciiLetter(next))
            return Named();
        throw Error(next == '\0' ? "it ends where a value was expected" : $"'{next}' was not expected");
    }

    private Formula.Node Number()
    {
        int start = _position;
        SkipDigits();
        if (At('.'))
        {
            _position++;
            SkipDigits();
        }
        // 1e3 is a number; the e of 2*exp(…) never follows a digit directly.
        if (At('e') || At('E'))
        {
            _position++;
            if (At('+') || At('-'))
                _position++;
            SkipDigits();
        }
        string digits = text[start.._position];
        if (!double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
            throw Error($"'{digits}' is not a number");
        return (in FormulaPoint _) => value;
    }

    private Formula.Node Named()
    {
        int start = _position;
        while (_position < text.Length && char.IsAsciiLetterOrDigit(text[_position]))
            _position++;
        string name = text[start.._position];
        if (Peek() == '(')
            return Function(name);
        _usesSigma |= name == "sigma";
        return name switch
        {
            "i" => static (in FormulaPoint point) => point.Index,
            "r" => static (in FormulaPoint point) => point.Rank,
            "layer" => static (in FormulaPoint point) => point.Layer,
            "sigma" => static (in FormulaPoint point) => point.Sigma,
            "pi" => static (in FormulaPoint _) => Math.PI,
            _ => throw Error($"there is no variable '{name}'; there are i, r, layer, sigma and pi"),
        };
    }

    private Formula.Node Function(string name)
    {
        var arguments = new List<Formula.Node>();
        do
        {
            _position++;
            arguments.Add(Sum());
        }
        while (Peek() == ',');
        Expect(')');

        bool many = name is "min" or "max";
        if (many ? arguments.Count < 2 : arguments.Count > 1)
            throw Error($"{name} takes {(many ? "two or more arguments" : "one argument")}, not {arguments.Count}");
        var x = arguments[0];
        return name switch
        {
            "sin" => (in FormulaPoint point) => Math.Sin(x(point)),
            "cos" => (in FormulaPoint point) => Math.Cos(x(point)),
            "exp" => (in FormulaPoint point) => Math.Exp(x(point)),
            "log" => (in FormulaPoint point) => Math.Log(x(point)),
            "sqrt" => (in FormulaPoint point) => Math.Sqrt(x(point)),
            "abs" => (in FormulaPoint point) => Math.Abs(x(point)),
            "rand" => (in FormulaPoint point) => SeededRandom.Uniform(x(point), point),
            "randn" => (in FormulaPoint point) => SeededRandom.Normal(x(point), point),
            "min" => Fold(arguments, Math.Min),
            "max" => Fold(arguments, Math.Max),
            _ => throw Error($"there is no function '{name}'; there are sin, cos, exp, log, sqrt, abs, min, max, rand and randn"),
        };
    }

    private static Formula.Node Fold(List<Formula.Node> arguments, Func<double, double, double> fold) => (in FormulaPoint point) =>
    {
        double value = arguments[0](point);
        for (int index = 1; index < arguments.Count; index++)
            value = fold(value, arguments[index](point));
        return value;
    };

    private void Expect(char expected)
    {
        if (Peek() != expected)
            throw Error($"'{expected}' is missing");
        _position++;
    }

    private char Peek()
    {
        while (_position < text.Length && char.IsWhiteSpace(text[_position]))
            _position++;
        return _position < text.Length ? text[_position] : '\0';
    }

    private bool At(char expected) => _position < text.Length && text[_position] == expected;

    private void SkipDigits()
    {
        while (_position < text.Length && char.IsAsciiDigit(text[_position]))
            _position++;
    }

    private UsageException Error(string what) => new($"Formula '{text}', character {_position + 1}: {what}.");
}
