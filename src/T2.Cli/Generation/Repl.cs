using T2.Runtime;

namespace T2.Cli;

/// <summary>The interactive run: a line is a prompt, or a command that starts with '/'.</summary>
internal sealed class Repl(Shell shell, Conversation conversation, Func<string?, IDispatchStrategy> strategy)
{
    private const string Help =
        """
        /expert NAME      answer with this expert, or a file, or a mixture a=0.7,b=0.3; without a name, list the experts
        /base             answer with the base weights
        /dispatch [HOW]   let the model choose: prompt (default), cls or generate
        /timings          where the time of the last answer went
        /clear            forget the conversation
        /quit             leave (also Ctrl-D; Ctrl-C stops an answer)
        """;

    /// <summary>Reads and answers until the input ends, the user quits, or Ctrl-C finds nothing to stop.</summary>
    internal async Task RunAsync(string? firstPrompt, CancellationToken cancellation)
    {
        if (firstPrompt is not null)
            await AskAsync(firstPrompt).ConfigureAwait(false);
        shell.Terminal.Note("/help shows the commands.");
        while (await ReadLineAsync(cancellation).ConfigureAwait(false) is { } line)
        {
            string text = line.Trim();
            if (text is "/quit" or "/exit")
                return;
            try
            {
                if (text.StartsWith('/'))
                    await CommandAsync(text).ConfigureAwait(false);
                else if (text.Length > 0)
                    await AskAsync(text).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is not OperationCanceledException && Environment.GetEnvironmentVariable(Failure.DebugVariable) != "1")
            {
                Failure.Report(shell.Terminal, exception);
            }
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private async Task AskAsync(string prompt)
    {
        using var scope = shell.Interrupts.Begin();
        try
        {
            await conversation.AskAsync(prompt, scope.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            shell.Terminal.Note("(stopped)");
        }
    }

    private async Task CommandAsync(string text)
    {
        string[] words = text.Split(' ', 2, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        string? argument = words.Length > 1 ? words[1] : null;
        switch (words[0])
        {
            case "/help":
                shell.Terminal.Error.WriteLine(Help);
                break;
            case "/expert" when argument is null:
                ListExperts();
                break;
            case "/expert":
                conversation.Adaptation = argument.Contains('=')
                    ? ExpertCatalog.Mix(conversation.Experts, WeightedName.ParseList(argument))
                    : Adaptation.To(ExpertCatalog.Find(conversation.Experts, argument));
                break;
            case "/base":
                conversation.Adaptation = Adaptation.Base;
                break;
            case "/dispatch":
                await conversation.DispatchWithAsync(strategy(argument)).ConfigureAwait(false);
                break;
            case "/timings":
                conversation.ShowTimings();
                break;
            case "/clear":
                conversation.Clear();
                break;
            default:
                throw new UsageException($"There is no command '{words[0]}'; /help shows those there are.");
        }
    }

    private void ListExperts()
    {
        if (conversation.Experts.Experts.Count == 0)
            shell.Terminal.Error.WriteLine("No experts are loaded (--experts).");
        foreach (var expert in conversation.Experts.Experts)
            shell.Terminal.Error.WriteLine(expert.Description is { } description ? $"{expert.Name}: {description}" : expert.Name);
    }

    /// <summary>Reads a line; on Ctrl-C the read is abandoned, for nothing interrupts it.</summary>
    private async Task<string?> ReadLineAsync(CancellationToken cancellation)
    {
        if (shell.Terminal.IsLive && !Console.IsInputRedirected)
            await shell.Terminal.Error.WriteAsync("> ").ConfigureAwait(false);
        return await Task.Run(Console.In.ReadLine, CancellationToken.None).WaitAsync(cancellation).ConfigureAwait(false);
    }
}
