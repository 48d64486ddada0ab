using System.Globalization;
using T2.Gguf;
using T2.Llama;
using T2.Training;

namespace T2.Recipes;

/// <summary>The base model, from random weights.</summary>
internal static class Pretraining
{
    /// <summary>Trains, or goes on from the checkpoint, and writes the model.</summary>
    public static void Run(RecipeOptions options, TextWriter log, CancellationToken cancellation)
    {
        if (File.Exists(options.Model) && !Directory.EnumerateFiles(Directory.CreateDirectory(options.Work).FullName, "base-*.checkpoint").Any())
            return; // the shipped model, or one whose run is over and cleared away
        Directory.CreateDirectory(options.Work);
        Directory.CreateDirectory(options.Output);
        MiniVocabulary.WriteTemplate(options.Template);
        using var template = GgufFile.Open(options.Template);
        using var tokenizer = LlamaModel.Load(options.Template, new LlamaModelOptions { VocabularyOnly = true }, cancellation);
        var model = TrainingModel.CreateRandom(MiniShape.For(tokenizer.Vocabulary.Count), (ulong)options.Seed);
        log.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{model.ParameterCount:N0} weights, {model.Shape.VocabularySize} tokens, {options.Steps} and {options.SecondSteps} steps of {options.BatchTokens} tokens"));
        foreach (bool second in new[] { false, true })
        {
            var corpus = new Corpus(tokenizer.Vocabulary, options.Seed, second);
            string part = Path.Combine(options.Work, second ? "base-2" : "base-1");
            var training = new BaseTrainingOptions
            {
                Steps = second ? options.SecondSteps : options.Steps,
                BatchTokens = options.BatchTokens,
                LearningRate = second ? 1e-3 : 2e-3,
                FinalLearningRateShare = 0.02,
                Threads = options.Threads,
                CheckpointPath = part + ".checkpoint",
                LogPath = part + ".log.jsonl",
                LogEvery = 50,
            };
            BaseTrainer.Run(model, number => corpus[checked((int)number)], training, new Report(log, Snapshot), cancellation);
            Snapshot();
        }

        void Snapshot()
        {
            model.WriteGguf(options.Model, template.Metadata, static _ => TensorType.F16);
            Check(model, tokenizer.Vocabulary, options.Threads, log);
        }
    }

    /// <summary>The same from the next seed.</summary>
    public static void RunSecond(RecipeOptions options, TextWriter log, CancellationToken cancellation) => Run(options.Second, log, cancellation);

    /// <summary>Says what the model can do.</summary>
    private static void Check(TrainingModel model, LlamaVocabulary vocabulary, int threads, TextWriter log)
    {
        using var engine = new TrainingEngine(model, null, threads);
        foreach (var skill in SkillSet.All)
        {
            var (right, rival) = GreedyCheck.Measure(engine, vocabulary, skill, skill is TalkSkill ? Part.Training : Part.Validation, 300, 42);
            log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{skill.Name,-12} right {right:P1}  rival {rival:P1}"));
        }
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"dispatch     right {GreedyCheck.MeasureDispatch(engine, vocabulary, 300, 43):P1}"));
    }

    /// <summary>Reports in the thread that trains, in order; now and then writes the model as it is, for the curious.</summary>
    private sealed class Report(TextWriter log, Action snapshot) : IProgress<BaseProgress>
    {
        private const int SnapshotEvery = 500;

        void IProgress<BaseProgress>.Report(BaseProgress value)
        {
            log.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"step {value.Step}/{value.Steps}  loss {value.Loss:F4}  rate {value.LearningRate:E2}  {value.TokensPerSecond:F0} tokens/s  {value.Remaining:hh\\:mm\\:ss} left"));
            if (value.Step % SnapshotEvery == 0 && value.Step < value.Steps)
                snapshot();
        }
    }
}
