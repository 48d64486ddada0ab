using System.Globalization;

namespace T2.Tasks;

/// <summary>Recognises published task sets by their members and turns their lines into items.</summary>
internal static class PublicReader
{
    internal static PublicFormat FormatOf(JsonLine line)
    {
        if (line.Has("entry_point") && line.Has("test"))
            return PublicFormat.HumanEval;
        if (line.Has("test_list"))
            return PublicFormat.Mbpp;
        if (line.Has("problem") && line.Has("solution"))
            return PublicFormat.Math;
        if (line.Has("answerKey"))
            return PublicFormat.Arc;
        if (line.Has("question") && line.Has("choices"))
            return PublicFormat.Mmlu;
        return line.Has("question") && line.Has("answer") ? PublicFormat.Gsm8k : PublicFormat.Own;
    }

    internal static (string Verifier, int MaxTokens) Defaults(PublicFormat format) => format switch
    {
        PublicFormat.Gsm8k => ("numeric", 400),
        PublicFormat.Math => ("math", 800),
        PublicFormat.Mbpp or PublicFormat.HumanEval => ("python", 600),
        PublicFormat.Arc or PublicFormat.Mmlu => ("choice", 32),
        _ => ("exact", TaskSet.DefaultMaxTokens),
    };

    internal static TaskItem Read(JsonLine line, PublicFormat format) => format switch
    {
        PublicFormat.Gsm8k => Gsm8k(line),
        PublicFormat.Math => Math(line),
        PublicFormat.Mbpp => Mbpp(line),
        PublicFormat.HumanEval => HumanEval(line),
        PublicFormat.Arc => Arc(line),
        PublicFormat.Mmlu => Mmlu(line),
        _ => Own(line),
    };

    private static string Number(JsonLine line) => line.Number.ToString(CultureInfo.InvariantCulture);

    private static TaskItem Own(JsonLine line) => new(line.OptionalText("id") ?? Number(line), line.Text("prompt"), line.Text("answer"))
    {
        System = line.OptionalText("system"),
        Choices = line.OptionalTexts("choices"),
        Category = line.OptionalText("category"),
    };

    private static TaskItem Gsm8k(JsonLine line)
    {
        string answer = line.Text("answer");
        int mark = answer.LastIndexOf("####", StringComparison.Ordinal);
        return mark < 0
            ? throw line.Problem("'answer' has no final answer after ####.")
            : new TaskItem(Number(line), line.Text("question") + "\nEnd your answer with #### and the number.", answer[(mark + 4)..].Trim());
    }

    private static TaskItem Math(JsonLine line) => new(
        line.OptionalText("unique_id") ?? Number(line),
        line.Text("problem") + "\nPut the final answer in \\boxed{}.",
        BoxedText.Last(line.Text("solution")) ?? line.OptionalText("answer") ?? throw line.Problem("'solution' has no \\boxed{} answer."))
    {
        Category = line.OptionalText("type") ?? line.OptionalText("subject"),
    };

    private static TaskItem Mbpp(JsonLine line)
    {
        var tests = line.OptionalTexts("test_list") ?? throw line.Problem("'test_list' is missing.");
        string setup = line.OptionalText("test_setup_code") ?? string.Join('\n', line.OptionalTexts("test_imports") ?? []);
        string all = string.Join('\n', tests);
        return new TaskItem(
            line.OptionalText("task_id") ?? Number(line),
            $"{line.OptionalText("text") ?? line.Text("prompt")}\nYour code should pass these tests:\n{all}\nAnswer with Python code in a code block.",
            $"{setup}\n{all}\n");
    }

    private static TaskItem HumanEval(JsonLine line)
    {
        string head = line.Text("prompt");
        return new TaskItem(
            line.OptionalText("task_id") ?? Number(line),
            $"Complete this Python function. Answer with the whole function in a code block.\n```python\n{head}```",
            $"{head}\n{ProgramVerifier.TestsMark}\n{line.Text("test")}\ncheck({line.Text("entry_point")})\n");
    }

    private static TaskItem Arc(JsonLine line)
    {
        // The first publication nests the choices in the question; later ones keep two lists.
        var question = line.Child("question");
        string text = question?.Text("stem") ?? line.Text("question");
        string[] labels;
        string[] texts;
        if (question?.Children("choices") is { } nested)
        {
            labels = [.. nested.Select(static choice => choice.Text("label"))];
            texts = [.. nested.Select(static choice => choice.Text("text"))];
        }
        else
        {
            var choices = line.Child("choices") ?? throw line.Problem("'choices' is missing.");
            labels = [.. choices.OptionalTexts("label") ?? throw line.Problem("'choices' has no 'label' list.")];
            texts = [.. choices.OptionalTexts("text") ?? throw line.Problem("'choices' has no 'text' list.")];
        }
        if (labels.Length != texts.Length)
            throw line.Problem($"there are {labels.Length} labels for {texts.Length} choices.");
        return Choice(line.OptionalText("id") ?? Number(line), text, labels, texts, line.Text("answerKey"), null);
    }

    private static TaskItem Mmlu(JsonLine line)
    {
        var texts = line.OptionalTexts("choices") ?? throw line.Problem("'choices' is missing.");
        string[] labels = [.. Enumerable.Range(0, texts.Count).Select(static index => ((char)('A' + index)).ToString())];
        string answer = line.Text("answer");
        if (int.TryParse(answer, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            answer = index < labels.Length ? labels[index] : throw line.Problem($"'answer' is choice {index}, from 0; there are {labels.Length}.");
        return Choice(Number(line), line.Text("question"), labels, [.. texts], answer, line.OptionalText("subject"));
    }

    private static TaskItem Choice(string id, string question, string[] labels, string[] texts, string answer, string? category)
    {
        string[] choices = [.. labels.Zip(texts, static (label, text) => $"{label}) {text}")];
        return new TaskItem(id, $"{question}\n{string.Join('\n', choices)}\nAnswer with the label of the right choice.", answer) { Choices = choices, Category = category };
    }
}
