using System.Text;
using T2.Llama;
using T2.Runtime;
using T2.Tasks;

namespace T2.Cli;

/// <summary><c>t2 run</c> without a question: the bundled model's own, each answered by the base and by what dispatch makes of it.</summary>
internal static class Demonstration
{
    /// <summary>Asks and prints a table to stdout; with <see cref="RunRequest.Verbose"/> each answer's timings to stderr.</summary>
    internal static async Task RunAsync(Shell shell, RunRequest request, CancellationToken cancellation)
    {
        var questions = TaskSet.Load(BundledModel.QuestionsPath);
        shell.Terminal.Note("No question was given, so the bundled model answers some of its own: on its base weights, and adapted to each.");
        await using var conversation = await Conversation.OpenAsync(shell.Terminal, request, cancellation).ConfigureAwait(false);
        var table = Tables.New("question", "right", "base", "adapted", "expert").Right(1, 2, 3);
        foreach (var item in questions.Items)
        {
            string before = await AnswerAsync(conversation, item, Adaptation.Base, questions.MaxTokens, cancellation).ConfigureAwait(false);
            string after = await AnswerAsync(conversation, item, Adaptation.Dispatch, questions.MaxTokens, cancellation).ConfigureAwait(false);
            if (request.Verbose)
            {
                shell.Terminal.Note(item.Prompt);
                conversation.ShowTimings();
            }
            var report = conversation.LastReport!;
            table.Row(item.Prompt, item.Answer, before, after, report.Expert is { } expert ? Units.Invariant($"{expert}, {report.Decision!.Confidence:P0} sure") : "none");
        }
        shell.Terminal.Results.Write(table);
        shell.Terminal.Note("Now yours: t2 run 'What is 38 + 45?' --verbose");
    }

    private static async Task<string> AnswerAsync(Conversation conversation, TaskItem item, Adaptation adaptation, int maxTokens, CancellationToken cancellation)
    {
        var answer = new StringBuilder();
        await foreach (string piece in conversation.PiecesAsync(item.Prompt, adaptation, maxTokens, LlamaSamplingOptions.Greedy, cancellation).ConfigureAwait(false))
            answer.Append(piece);
        return answer.ToString();
    }
}
