namespace T2.Cli.Tests;

public class UsageTests
{
    public static TheoryData<string[], string> Mistakes => new()
    {
        { [], "command" },
        { ["bogus"], "'bogus'" },
        { ["factor"], "--model" },
        { ["run", "-m", "x", "--frobnicate", "hello"], "'--frobnicate'" },
        { ["run", "-m", "x", "hello", "world"], "'world'" },
        { ["run", "-m", "x", "hello", "-n", "many"], "--n-predict takes a whole number of at least -1, not 'many'" },
        { ["run", "-m", "x", "hello", "--temp", "warm"], "--temp takes a number" },
        { ["run", "-m", "x", "hello", "--top-p", "1.5"], "--top-p takes a number from 0 to 1, not '1.5'" },
        { ["run", "-m", "x", "hello", "--seed", "4294967295"], "--seed takes" },
        { ["run", "-m", "x", "hello", "--mix", "a"], "'a' is not a part of a mixture" },
        { ["run", "-m", "x", "hello", "--mix", "a=lots"], "'lots'" },
        { ["run", "-m", "x", "hello", "--mix", "a=NaN"], "'NaN'" },
        { ["run", "-m", "x", "hello", "--mix", ","], "names no expert" },
        { ["run", "-m", "x", "hello", "--mix", "a=1", "--expert", "b"], "--expert and --mix" },
        { ["run", "-m", "x", "hello", "--expert", "b", "--dispatch", "prompt"], "--dispatch prompt" },
        { ["run", "-m", "x", "hello", "--dispatch", "prompt"], "--experts" },
        { ["run", "-m", "x", "hello", "--dispatch", "magic"], "'magic'" },
        { ["run", "-m", "x", "hello", "--experts", "e", "--dispatch", "fewshot"], "--shots" },
        { ["run", "-m", "x", "hello", "--experts", "e", "--shots", "s"], "--dispatch fewshot" },
        { ["run", "-m", "x", "hello", "--experts", "e", "--classifier", "s"], "--dispatch cls" },
        { ["search", "-m", "x", "-e", "y", "-o", "z", "--name", "n"], "--shots" },
        { ["expert", "transfer", "x", "-m", "y", "-o", "x"], "overwrite" },
        { ["run", "-m", "x", "hello", "--kernel", "magic"], "'magic'" },
        { ["run", "-m", "x", "hello", "--grammar", "a", "--grammar-file", "b"], "--grammar" },
        { ["run", "-m", "x", "hello", "--expert", "nobody"], "'nobody'" },
        { ["run", "-m", "x", ""], "prompt is empty" },
        { ["inspect", "--everything"], "'--everything'" },
        { ["expert", "create", "-m", "x", "-o", "y", "--name", "n"], "--formula or --json" },
        { ["expert", "create", "-m", "x", "-o", "y", "--name", "n", "--formula", "1 + foo"], "'foo'" },
        { ["expert", "create", "-m", "x", "-o", "./x", "--name", "n", "--formula", "1"], "overwrite" },
        { ["expert", "mix", "a", "-o", "y", "--name", "n"], "'a' is not a part of a mixture" },
        { ["export", "-m", "x", "-e", "y", "-o", "y"], "overwrite" },
        { ["train", "svf", "-m", "x", "-o", "y"], "--task" },
        { ["train", "svf", "-m", "x", "--task", "t", "-o", "y", "--steps", "0"], "--steps takes a whole number of at least 1, not '0'" },
        { ["train", "svf", "-m", "x", "--task", "t", "-o", "y", "--lr", "-1"], "--lr takes a number" },
        { ["train", "svf", "-m", "x", "--task", "t", "-o", "y", "--objective", "magic"], "--objective takes policy or next-token, not 'magic'" },
        { ["train", "svf", "-m", "x", "--task", "t", "-o", "y", "--weights", "nose"], "--weights: 'nose' is no part of a block" },
        { ["train", "svf", "-m", "x", "--task", "t", "-o", "y", "--samples", "1"], "a baseline needs at least two samples" },
        { ["train", "svf", "-m", "x", "--task", "t", "-o", "y", "--layers", "3-1"], "'3-1' names no layers" },
        { ["train", "svf", "-m", "x", "--task", "t", "-o", "y", "--verifier", "magic"], "'magic'" },
        { ["train", "svf", "-m", "x", "--task", "t", "-o", "y", "--seed", "-1"], "--seed" },
        { ["train", "base", "--corpus", "c", "--template", "t", "-o", "y", "--shape", "layers=many"], "'layers=many' in --shape" },
        { ["train", "base", "--corpus", "c", "--template", "t", "-o", "y", "--shape", "embedding=100,heads=3"], "--shape embedding=100,heads=3" },
        { ["train", "base", "--corpus", "c", "--template", "t", "-o", "y", "--shape", "nose=3"], "no dimension 'nose'" },
        { ["train", "cem", "-m", "x", "--task", "t", "-o", "y", "--elites", "40"], "less than the population" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_on_the_command_line_gives_one_line_and_code_2(string[] arguments, string fragment) =>
        T2Process.AssertFailure(await T2Process.RunAsync(arguments), 2, fragment);

    [Fact]
    public async Task Text_that_looks_like_an_option_is_a_prompt_after_two_dashes() =>
        T2Process.AssertFailure(await T2Process.RunAsync("run", "-m", "absent.gguf", "--", "--frobnicate"), 3, "absent.gguf");

    [Fact]
    public async Task An_empty_stdin_is_an_empty_prompt() =>
        T2Process.AssertFailure(await T2Process.RunWithInputAsync("\n", "run", "-m", "absent.gguf"), 2, "prompt is empty");
}
