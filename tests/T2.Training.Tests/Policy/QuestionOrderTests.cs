namespace T2.Training.Tests;

public sealed class QuestionOrderTests
{
    [Fact]
    public void Every_question_comes_once_an_epoch()
    {
        var order = new QuestionOrder(12, 5, seed: 9);
        int[] asked = [.. Enumerable.Range(0, 24).SelectMany(order.Of)];
        for (int epoch = 0; epoch < 10; epoch++)
            Assert.Equal(Enumerable.Range(0, 12), asked[(12 * epoch)..(12 * (epoch + 1))].Order());
        Assert.NotEqual(asked[..12], asked[12..24]);
    }

    [Fact]
    public void A_step_asks_the_same_whatever_came_before()
    {
        var straight = new QuestionOrder(12, 5, seed: 9);
        int[][] steps = [.. Enumerable.Range(0, 8).Select(straight.Of)];
        Assert.Equal(steps[7], new QuestionOrder(12, 5, seed: 9).Of(7));
        Assert.NotEqual(steps[7], new QuestionOrder(12, 5, seed: 10).Of(7));
    }

    [Fact]
    public void A_batch_may_be_larger_than_the_task() => Assert.Equal(10, new QuestionOrder(3, 10, seed: 1).Of(0).Length);
}
