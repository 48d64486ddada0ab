using T2.Llama;
using T2.Runtime;
using T2.Training;

namespace T2.Recipes;

/// <summary>How often a model's greedy answer is the right one and how often the rival one, without generating: it is if every token of it is the likeliest after those before.</summary>
internal static class GreedyCheck
{
    /// <summary>Shares of right and rival answers among <paramref name="count"/> questions of a part.</summary>
    public static (double Right, double Rival) Measure(TrainingEngine engine, LlamaVocabulary vocabulary, Skill skill, Part part, int count, int seed)
    {
        var random = new Random(seed);
        var questions = Enumerable.Range(0, count).Select(_ => Split.Draw(skill, part, random)).ToList();
        bool[] right = Said(engine, [.. questions.Select(question => Document(vocabulary, question.Prompt, question.Answer))]);
        bool[] rival = Said(engine, [.. questions.Select(question => Document(vocabulary, question.Prompt, question.Rival))]);
        return (right.Average(static said => said ? 1 : 0), rival.Average(static said => said ? 1 : 0));
    }

    /// <summary>Share of questions classified right, all classes shown in the usual order.</summary>
    public static double MeasureDispatch(TrainingEngine engine, LlamaVocabulary vocabulary, int count, int seed)
    {
        var random = new Random(seed);
        string system = DispatchText.SystemMessage(SkillSet.WithExpert);
        var documents = new List<TrainingDocument>();
        for (int at = 0; at < count; at++)
        {
            var skill = SkillSet.All[at % SkillSet.All.Count];
            var question = Split.Draw(skill, skill is TalkSkill ? Part.Training : Part.Test, random);
            documents.Add(new ChatDocument(vocabulary).Given("system", system).Given("user", question.Prompt).Said(DispatchPrompt.Answer(skill.Name)).ToDocument());
        }
        return Said(engine, documents).Average(static said => said ? 1 : 0);
    }

    private static TrainingDocument Document(LlamaVocabulary vocabulary, string prompt, string answer) =>
        new ChatDocument(vocabulary).Given("user", prompt).Said(answer).ToDocument();

    private static bool[] Said(TrainingEngine engine, IReadOnlyList<TrainingDocument> documents)
    {
        var all = new List<bool>();
        foreach (var chunk in documents.Chunk(64))
        {
            var batch = PackedBatch.NextToken(chunk);
            var logits = engine.Logits(batch);
            int targets = batch.TargetCount;
            int width = logits.Length / targets;
            int row = 0;
            for (int sequence = 0; sequence < batch.Sequences; sequence++)
            {
                bool said = true;
                for (int position = batch.SequenceStart[sequence]; position < batch.SequenceStart[sequence + 1]; position++)
                {
                    if (batch.Targets[position] < 0)
                        continue;
                    var scores = logits.AsSpan(row++ * width, width);
                    said &= Likeliest(scores) == batch.Targets[position];
                }
                all.Add(said);
            }
        }
        return [.. all];
    }

    private static int Likeliest(ReadOnlySpan<float> scores)
    {
        int best = 0;
        for (int token = 1; token < scores.Length; token++)
        {
            if (scores[token] > scores[best])
                best = token;
        }
        return best;
    }
}
