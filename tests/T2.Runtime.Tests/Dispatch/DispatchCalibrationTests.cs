namespace T2.Runtime.Tests.Dispatch;

public sealed class DispatchCalibrationTests
{
    private static readonly string[] s_names = ["math", "code", "other"];

    [Theory]
    [InlineData(0.25)]
    [InlineData(1.0)]
    [InlineData(4.0)]
    public void The_temperature_that_labels_were_drawn_at_is_found(double truth)
    {
        var random = new Random(5);
        var decisions = new List<(DispatchDecision, string)>();
        for (int index = 0; index < 4000; index++)
        {
            double[] likelihoods = [.. s_names.Select(_ => truth * 3 * random.NextDouble())];
            double[] weights = [.. likelihoods.Select(value => Math.Exp(value / truth))];
            double draw = random.NextDouble() * weights.Sum();
            int label = draw < weights[0] ? 0 : draw < weights[0] + weights[1] ? 1 : 2;
            decisions.Add((ScoredChoiceDispatch.Choose(s_names, likelihoods, 0, 1), s_names[label]));
        }
        double found = DispatchCalibration.FitTemperature(decisions);
        Assert.InRange(found, 0.85 * truth, 1.15 * truth);

        var calibrated = decisions.Select(one => (Rescale(one.Item1, found), one.Item2)).ToArray();
        Assert.InRange(DispatchCalibration.ExpectedError(calibrated), 0, 0.04);
        if (truth != 1)
            Assert.True(DispatchCalibration.ExpectedError(decisions) > 2 * DispatchCalibration.ExpectedError(calibrated));
    }

    [Fact]
    public void The_error_is_that_of_its_definition()
    {
        DispatchDecision Sure(double confidence) => new("math", confidence, [new("math", confidence), new("code", 1 - confidence)], 1, "");
        // One bin at 0.9 with half right, one at 0.6 with all right: (2·|0.9 − 0.5| + 1·|0.6 − 1|) / 3.
        Assert.Equal(1.2 / 3, DispatchCalibration.ExpectedError([(Sure(0.9), "math"), (Sure(0.9), "code"), (Sure(0.6), "math")]), 12);
    }

    [Fact]
    public void A_label_without_a_score_is_refused()
    {
        var decision = ScoredChoiceDispatch.Choose(s_names, [-1, -2, -3], 0.5, 1);
        Assert.Contains("poetry", Assert.Throws<ArgumentException>(() => DispatchCalibration.FitTemperature([(decision, "poetry")])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => DispatchCalibration.FitTemperature([]));
    }

    private static DispatchDecision Rescale(DispatchDecision decision, double temperature) => ScoredChoiceDispatch.Choose(
        [.. decision.Scores.Select(static score => score.Label)], [.. decision.Scores.Select(static score => Math.Log(score.Probability))], 0, 1, temperature);
}
