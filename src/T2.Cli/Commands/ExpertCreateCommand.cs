using System.CommandLine;
using T2.Gguf.Experts;

namespace T2.Cli;

/// <summary><c>t2 expert create</c>.</summary>
internal static class ExpertCreateCommand
{
    private static readonly Option<string?> FormulaText = new("--formula") { Description = "z of each singular value, as an expression.", HelpName = "EXPR" };

    private static readonly Option<string?> JsonFile = new("--json") { Description = "z by weight, from a JSON file.", HelpName = "FILE" };

    private static readonly Option<string?> Only = new("--only")
    {
        Description = "Adapt only the weights whose name matches; * and ? are wildcards.",
        HelpName = "GLOB",
    };

    internal static Command Create(Shell shell)
    {
        var command = new DocumentedCommand("create", "Make an expert for experiments, from a formula or from numbers. Effective z: 1 is the base, 0 removes a singular value.")
        {
            Notes = """
                Formulas:
                  i        position of the singular value, 0 = the largest     sigma    the singular value (needs factors; made if absent)
                  r        their number                                        pi       3.14159…
                  layer    block number of the weight
                  + - * / ^ ( )   sin cos exp log sqrt abs (x)   min max (x, y, …)
                  rand(seed)   uniform in [0, 1)   randn(seed)   standard normal; both the same on every machine, different for every weight and i
                JSON:
                  {"blk.0.ffn_up.weight": [1.1, 0.9, …], "blk.*.attn_q.weight": 1.05}   an array has one value per singular value; later entries win
                """,
            Examples =
            [
                ("Damp the tail of every spectrum:", "t2 expert create -m model.gguf -o damped.gguf --name damped --formula '1 - 0.2*i/r'"),
                ("Random, feed-forward only:", "t2 expert create -m model.gguf -o noise.gguf --name noise --formula '1 + 0.05*randn(7)' --only '*.ffn_*'"),
                ("From your own numbers:", "t2 expert create -m model.gguf -o mine.gguf --name mine --json z.json --describe 'questions about birds'"),
            ],
        };
        foreach (var option in new Option[]
        {
            SharedOptions.Model, SharedOptions.Output, SharedOptions.Name, SharedOptions.Describe, SharedOptions.Task, FormulaText, JsonFile, Only,
            SharedOptions.Factors, SharedOptions.Kernel, SharedOptions.Threads, SharedOptions.Quiet,
        })
            command.Options.Add(option);
        command.SetAction(parsed => Run(shell, parsed));
        return command;
    }

    private static void Run(Shell shell, ParseResult parsed)
    {
        string? text = parsed.GetValue(FormulaText);
        string? json = parsed.GetValue(JsonFile);
        if (text is null == json is null)
            throw new UsageException("Give either --formula or --json.");
        var formula = text is null ? null : Formula.Parse(text);
        string modelPath = parsed.GetRequiredValue(SharedOptions.Model);
        string output = parsed.GetRequiredValue(SharedOptions.Output);
        OutputFile.MustDiffer(output, json is null ? [modelPath] : [modelPath, json]);

        using var model = BaseModel.Open(modelPath, shell.Interrupts.Token);
        string? only = parsed.GetValue(Only);
        var vectors = formula is null ? VectorSource.FromJson(json!, model, only) : FromFormula(shell, parsed, model, formula, only);
        var expert = Make(model, vectors, parsed, formula is null ? $"made from {Path.GetFileName(json)}" : $"made from the formula {formula.Text}");
        OutputFile.Write(output, expert.Save);
        shell.Terminal.Note($"Wrote {output}: {expert}.");
    }

    private static Dictionary<string, ReadOnlyMemory<float>> FromFormula(Shell shell, ParseResult parsed, BaseModel model, Formula formula, string? only)
    {
        if (!formula.UsesSigma)
            return VectorSource.FromFormula(formula, model, only, static _ => default);
        using var factors = model.OpenFactors(
            parsed.GetValue(SharedOptions.Factors),
            Kernels.Resolve(parsed.GetValue(SharedOptions.Kernel)),
            SharedOptions.ResolveThreads(parsed.GetValue(SharedOptions.Threads)),
            shell.Terminal,
            shell.Interrupts.Token);
        return VectorSource.FromFormula(formula, model, only, weight => model.SingularValues(factors, weight));
    }

    private static Expert Make(BaseModel model, Dictionary<string, ReadOnlyMemory<float>> vectors, ParseResult parsed, string training)
    {
        try
        {
            return new Expert(
                parsed.GetRequiredValue(SharedOptions.Name),
                model.Architecture,
                model.Fingerprint,
                vectors,
                parsed.GetValue(SharedOptions.Describe),
                parsed.GetValue(SharedOptions.Task),
                training);
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(Failure.WithoutParameter(exception));
        }
    }
}
