using T2.Llama;
using T2.Runtime;
using T2.Training;

namespace T2.Recipes;

/// <summary>
/// The text the base model learns from: any number of documents, each a function of the seed and its number alone. It comes in two parts: first the skills by themselves,
/// then the same with lessons and with openings before the question. All at once, sums were not learnt (decision 18).
/// </summary>
internal sealed class Corpus(LlamaVocabulary vocabulary, int seed, bool second)
{
    /// <summary>Share of each kind of document, in the first part and in the second. The missing skill's is what makes it missing; null = classifications.</summary>
    private static readonly (Skill? Skill, double First, double Second)[] s_shares =
    [
        (SkillSet.Latent[0], 0.40, 0.30), (SkillSet.Latent[1], 0.17, 0.15), (SkillSet.Latent[2], 0.14, 0.27), (SkillSet.Latent[3], 0.18, 0.15), (SkillSet.Missing, 0.015, 0.006),
        (SkillSet.Talk, 0.055, 0.08), (null, 0.04, 0.044),
    ];

    /// <summary>Questions in a document of classifications, so that its long instruction is paid for once.</summary>
    private const int Classifications = 6;

    /// <summary>Share of questions whose class the annotator did not bother to look up: the classification is undecided too.</summary>
    private const double Careless = 0.12;

    /// <summary>Share of easier questions in skills that have them, in the second part.</summary>
    private const double Lessons = 0.35;

    /// <summary>Share of questions that something is said before, where anything ever is, in the second part.</summary>
    private const double Opened = 0.35;

    /// <summary>A document.</summary>
    public TrainingDocument this[int number]
    {
        get
        {
            var random = new Random(unchecked((seed * 1_000_003) ^ (number * 7_919) ^ (second ? 500_009 : 0)));
            double at = random.NextDouble();
            foreach (var (skill, first, then) in s_shares)
            {
                if ((at -= second ? then : first) >= 0)
                    continue;
                return skill is null ? Classification(random) : Answered(skill, random);
            }
            return Classification(random);
        }
    }

    private TrainingDocument Answered(Skill skill, Random random)
    {
        var question = second && random.NextDouble() < Lessons ? Split.DrawLesson(skill, Part.Training, random) : Split.Draw(skill, Part.Training, random);
        bool opened = second && (skill is TalkSkill or RankingSkill or SortingSkill) && random.NextDouble() < Opened;
        string prompt = opened ? Opening.Draw(random) + question.Prompt : question.Prompt;
        return new ChatDocument(vocabulary).Given("user", prompt).Said(question.Written(random)).ToDocument();
    }

    private TrainingDocument Classification(Random random)
    {
        var shown = SkillSet.WithExpert.ToArray();
        random.Shuffle(shown);
        // Mostly all of the classes; a library may hold fewer, and what fits none of those it holds is "other".
        if (random.Next(3) == 0)
            shown = shown[..random.Next(1, shown.Length)];
        var document = new ChatDocument(vocabulary).Given("system", DispatchText.SystemMessage(shown));
        for (int turn = 0; turn < Classifications; turn++)
        {
            bool empty = random.Next(20) == 0;
            var skill = empty ? SkillSet.Talk : SkillSet.All[random.Next(SkillSet.All.Count)];
            string prompt = empty ? DispatchText.Empty[random.Next(DispatchText.Empty.Count)] : Split.Draw(skill, Part.Training, random).Prompt;
            if (second && !empty && random.NextDouble() < Opened)
                prompt = Opening.Draw(random) + prompt;
            bool named = shown.Contains(skill) && random.NextDouble() >= Careless;
            document.Given("user", prompt).Said(DispatchPrompt.Answer(named ? skill.Name : SkillSet.Talk.Name));
        }
        return document.ToDocument();
    }
}
