namespace T2.Llama.Tests;

public sealed class GbnfParserTests
{
    [Theory]
    [InlineData("root ::= \"a\"")]
    [InlineData("root ::= [0-9]+ (\".\" [0-9]*)?")]
    [InlineData("root ::= \"a\"{2} \"b\"{1,} \"c\"{0,3} # a comment\n")]
    [InlineData("# first a comment\r\nroot ::= item (\",\" item)*\r\nitem ::= [^\",\\n\\x00-\\x1F\\u2028\\U0001F600]+")]
    [InlineData("root ::= (\n  \"a\" |\n  \"b\"\n)\n")]
    [InlineData("root ::= \"\" | [] \"-\" [-a] [a-] [\\]] .")]
    [InlineData("root ::= <[5]> !<[6]> <known> \"x\"")]
    [InlineData("root ::= ws root-2\nws ::= [ \\t]*\nroot-2 ::= \"a\" ws root-2 | \"b\"")]
    [InlineData("root ::= (\"a\"*)*")]
    public void Valid_grammars_pass(string grammar) => GbnfParser.Require(grammar, token => token == "<known>");

    [Theory]
    [InlineData("", "line 1, column 1: no rule is called «root»")]
    [InlineData("foo ::= \"a\"", "line 1, column 1: no rule is called «root»")]
    [InlineData("root ::= bar", "line 1, column 10: no rule is called «bar»")]
    [InlineData("root = \"a\"", "line 1, column 6: «::=» is missing")]
    [InlineData("root ::= \"a\"\nb ::= \"a\" ]", "line 2, column 11: a new line or the end is missing")]
    [InlineData("root ::= \"a", "line 1, column 10: «\"» is missing")]
    [InlineData("root ::= [a-", "line 1, column 10: «]» is missing")]
    [InlineData("root ::= (\"a\"", "line 1, column 14: «)» is missing")]
    [InlineData("root ::= * \"a\"", "line 1, column 10: there is nothing to repeat before this")]
    [InlineData("root ::= \"\"*", "line 1, column 12: there is nothing to repeat before this")]
    [InlineData("root ::= \"a\"{3,2}", "line 1, column 13: the most repetitions, 2, are fewer than the least, 3")]
    [InlineData("root ::= \"a\"{2001}", "line 1, column 13: more than 2000 repetitions")]
    [InlineData("root ::= \"a\"{x}", "line 1, column 14: a number of repetitions is expected here")]
    [InlineData("root ::= \"a\"{1,2", "line 1, column 17: «}» is missing")]
    [InlineData("root ::= \"\\q\"", "line 1, column 11: unknown escape")]
    [InlineData("root ::= \"\\xZ0\"", "line 1, column 13: 2 hexadecimal digits are expected here")]
    [InlineData("root ::= <unknown>", "line 1, column 10: «<unknown>» is no token of the vocabulary")]
    [InlineData("root ::= <[5]", "line 1, column 10: a token is written <name> or <[number]>")]
    [InlineData("root ::= root \"a\"", "line 1, column 1: this rule begins with itself (left recursion)")]
    [InlineData("root ::= \"x\"\na ::= b a \"y\" | \"x\"\nb ::= c\nc ::= \"\"", "line 2, column 1: this rule begins with itself (left recursion)")]
    public void Errors_are_told_with_their_place(string grammar, string expected)
    {
        LlamaException e = Assert.Throws<LlamaException>(() => GbnfParser.Require(grammar, _ => false));
        Assert.Equal($"The grammar has an error at {expected}.", e.Message);
    }

    [Fact]
    public void Deep_nesting_is_refused_before_it_takes_the_stack()
    {
        string grammar = "root ::= " + new string('(', 100_000) + "\"a\"" + new string(')', 100_000);
        LlamaException e = Assert.Throws<LlamaException>(() => GbnfParser.Require(grammar, _ => false));
        Assert.Contains("nested more than", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_many_rules_are_refused()
    {
        string grammar = string.Join('\n', Enumerable.Range(0, 5000).Select(i => $"r{i} ::= r{i + 1}"));
        LlamaException e = Assert.Throws<LlamaException>(() => GbnfParser.Require(grammar, _ => false));
        Assert.Contains("more than 4096 rules", e.Message, StringComparison.Ordinal);
    }
}
