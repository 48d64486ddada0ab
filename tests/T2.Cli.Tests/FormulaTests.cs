namespace T2.Cli.Tests;

public class FormulaTests
{
    private static readonly FormulaPoint Point = new(3, 8, 2, 0.5, FormulaPoint.SeedOf("blk.2.ffn_up.weight"));

    [Theory]
    [InlineData("1", 1)]
    [InlineData("1.5e2", 150)]
    [InlineData(".25", 0.25)]
    [InlineData("i + r*layer - sigma", 18.5)]
    [InlineData("2 + 3 * 4", 14)]
    [InlineData("(2 + 3) * 4", 20)]
    [InlineData("10 - 4 - 3", 3)]
    [InlineData("16 / 4 / 2", 2)]
    [InlineData("-2^2", -4)]
    [InlineData("2^-1", 0.5)]
    [InlineData("2^3^2", 512)]
    [InlineData("- - 2", 2)]
    [InlineData("min(3, 1, 2) + max(1, 5)", 6)]
    [InlineData("abs(-3) + sqrt(16) + exp(0) + log(1)", 8)]
    [InlineData("sin(pi/2) + cos(0)", 2)]
    public void Formulas_are_evaluated_as_mathematics_reads_them(string text, double expected) =>
        Assert.Equal(expected, Formula.Parse(text).Evaluate(Point), 12);

    [Theory]
    [InlineData("", "ends where a value")]
    [InlineData("1 +", "ends where a value")]
    [InlineData("1 2", "character 3")]
    [InlineData("(1", "')' is missing")]
    [InlineData("1)", "')' was not expected")]
    [InlineData("x", "no variable 'x'")]
    [InlineData("tan(1)", "no function 'tan'")]
    [InlineData("sin(1, 2)", "sin takes one argument")]
    [InlineData("min(1)", "min takes two or more")]
    [InlineData("1e", "not a number")]
    [InlineData("1..2", "was not expected")]
    [InlineData("2 $ 3", "'$'")]
    public void A_malformed_formula_names_the_place_and_the_problem(string text, string fragment) =>
        Assert.Contains(fragment, Assert.Throws<UsageException>(() => Formula.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Deep_and_long_formulas_are_refused_before_they_exhaust_the_stack()
    {
        Assert.Throws<UsageException>(() => Formula.Parse(new string('(', 2000)));
        Assert.Throws<UsageException>(() => Formula.Parse(new string('-', 2000) + "1"));
        Assert.Throws<UsageException>(() => Formula.Parse(string.Join('+', Enumerable.Repeat("1", 5000))));
    }

    [Fact]
    public void Sigma_is_known_to_be_used() =>
        Assert.Equal([true, false], new[] { "1/(1+sigma)", "1" }.Select(static text => Formula.Parse(text).UsesSigma));

    [Fact]
    public void Random_values_depend_on_seed_weight_and_index_only()
    {
        var uniform = Formula.Parse("rand(7)");
        Assert.Equal(uniform.Evaluate(Point), Formula.Parse("0 + rand(7)").Evaluate(Point));
        Assert.NotEqual(uniform.Evaluate(Point), Formula.Parse("rand(8)").Evaluate(Point));
        Assert.NotEqual(uniform.Evaluate(Point), uniform.Evaluate(Point with { Index = 4 }));
        Assert.NotEqual(uniform.Evaluate(Point), uniform.Evaluate(Point with { WeightSeed = 1 }));
        // The same on every machine and in every version: experts made from a formula can be made again.
        Assert.Equal(0.55334103445004312, uniform.Evaluate(Point));
    }

    [Fact]
    public void Random_values_are_distributed_as_named()
    {
        const int Count = 20_000;
        double[] uniform = Draw("rand(1)");
        double[] normal = Draw("randn(1)");
        Assert.All(uniform, static value => Assert.InRange(value, 0, 1 - 1e-16));
        Assert.Equal(0.5, uniform.Average(), 2);
        Assert.Equal(1.0 / 12, Variance(uniform), 2);
        // Standard errors: mean 0.007, variance 0.01.
        Assert.InRange(normal.Average(), -0.03, 0.03);
        Assert.InRange(Variance(normal), 0.95, 1.05);

        static double[] Draw(string text)
        {
            var formula = Formula.Parse(text);
            return [.. Enumerable.Range(0, Count).Select(index => formula.Evaluate(Point with { Index = index }))];
        }

        static double Variance(double[] values)
        {
            double mean = values.Average();
            return values.Average(value => (value - mean) * (value - mean));
        }
    }
}
