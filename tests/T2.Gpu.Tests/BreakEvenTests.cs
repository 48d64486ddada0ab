using T2.Bench.Verbs;
using T2.TestKit;

namespace T2.Gpu.Tests;

/// <summary>The published break-even, from measurements whose answer is known.</summary>
public sealed class BreakEvenTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Fact]
    public void A_change_is_paid_for_when_what_it_saves_a_token_adds_up_to_it()
    {
        // A token takes 5 ms on the expert, 5.5 under the slow adapter, 5 under the fast one; of the prompt 1, 1.25 and 2.
        string json = _folder.File("bench.json");
        File.WriteAllText(json, $$"""
            {"model":"m.gguf","description":"a model","threads":2,"repetitions":3,"rows":[
            {{Speed("base", "pp8", 1000)}},{{Speed("base", "tg4", 200)}},{{Speed("math", "pp8", 1000)}},{{Speed("math", "tg4", 200)}},
            {{Speed("lora:slow", "pp8", 800)}},{{Speed("lora:slow", "tg4", 1000 / 5.5)}},{{Speed("lora:fast", "pp8", 500)}},{{Speed("lora:fast", "tg4", 200)}},
            {{Time("rebuild", 40.2)}},{{Time("switch, kept in memory", 0.6)}}]}
            """);
        BreakEven.Run(["--bench", json, "-o", _folder.Path]);
        string report = File.ReadAllText(_folder.File("bench.md"));
        Assert.Contains("| lora:slow | generated | 81 | 2 |", report, StringComparison.Ordinal);
        Assert.Contains("| lora:slow | of the prompt | 161 | 3 |", report, StringComparison.Ordinal);
        Assert.Contains("| lora:fast | generated | never: the adapter was no slower | never: the adapter was no slower |", report, StringComparison.Ordinal);
        Assert.Contains("| lora:fast | of the prompt | 41 | 1 |", report, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static string Speed(string weights, string test, double median) => Row(weights, test, "t/s", median);

    private static string Time(string test, double median) => Row("math", test, "ms", median);

    private static string Row(string weights, string test, string unit, double median) =>
        FormattableString.Invariant($"{{\"weights\":\"{weights}\",\"test\":\"{test}\",\"unit\":\"{unit}\",\"mean\":0,\"deviation\":0,\"of_base\":1,\"median\":{median}}}");
}
