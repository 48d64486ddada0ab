using System.Text;

namespace T2.Recipes;

/// <summary>
/// Divides questions by a hash of what they ask, not how: a question of the test set is in no other part under any phrasing, however small the skill's space.
/// </summary>
internal static class Split
{
    /// <summary>The part <paramref name="question"/> of <paramref name="skill"/> belongs to: 16 % test, 4 % validation.</summary>
    public static Part Of(Skill skill, Question question)
    {
        // Small talk has a few dozen questions in all; holding some back would leave the model ignorant of them, and nothing is claimed about them.
        if (skill is TalkSkill)
            return Part.Training;
        return (Hash($"{skill.Name}/{question.Key}") % 25) switch { < 4 => Part.Test, 4 => Part.Validation, _ => Part.Training };
    }

    /// <summary>The next question of a part.</summary>
    public static Question Draw(Skill skill, Part part, Random random) => Draw(skill, part, random, skill.Draw);

    /// <summary>The next lesson of a part.</summary>
    public static Question DrawLesson(Skill skill, Part part, Random random) => Draw(skill, part, random, skill.DrawLesson);

    private static Question Draw(Skill skill, Part part, Random random, Func<Random, Question> draw)
    {
        while (true)
        {
            var question = draw(random);
            if (Of(skill, question) == part)
                return question;
        }
    }

    /// <summary>FNV-1a of the UTF-8, its bits mixed (splitmix64's finaliser): the low bits of FNV alone are not even.</summary>
    private static ulong Hash(string text)
    {
        ulong hash = 0xCBF29CE484222325;
        foreach (byte value in Encoding.UTF8.GetBytes(text))
            hash = (hash ^ value) * 0x100000001B3;
        hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
        hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
        return hash ^ (hash >> 31);
    }
}
