using T2.Tasks;

namespace T2.Recipes.Tests;

public sealed class DataSetTests
{
    private static readonly Dictionary<string, TaskSet> s_sets = DataSets.All().ToDictionary(static set => set.Name, static set => set.Task);

    [Fact]
    public void Training_validation_and_test_have_no_question_in_common()
    {
        foreach (var skill in SkillSet.WithExpert)
        {
            var parts = new[] { "train", "valid", "test" }.Select(part => s_sets[$"{skill.Name}.{part}"].Items.Select(static item => item.Prompt).ToHashSet()).ToArray();
            Assert.Empty(parts[0].Intersect(parts[1]));
            Assert.Empty(parts[0].Intersect(parts[2]));
            Assert.Empty(parts[1].Intersect(parts[2]));
        }
    }

    [Fact]
    public void Sums_of_the_test_set_are_in_no_other_part_under_any_phrasing()
    {
        var skill = SkillSet.Latent[0];
        var random = new Random(3);
        var keys = Enumerable.Range(0, 20_000).Select(_ => skill.Draw(random)).ToLookup(question => Split.Of(skill, question), static question => question.Key);
        Assert.Empty(keys[Part.Test].Intersect(keys[Part.Training]));
        Assert.NotEmpty(keys[Part.Test]);
    }

    [Fact]
    public void Test_sets_hold_two_thousand_different_questions()
    {
        foreach (var (name, task) in s_sets.Where(static set => set.Key.EndsWith(".test", StringComparison.Ordinal) && !set.Key.StartsWith("dispatch", StringComparison.Ordinal)))
        {
            Assert.Equal(2000, task.Items.Count);
            Assert.True(task.Items.Select(static item => item.Prompt).Distinct().Count() == 2000, name);
        }
    }

    [Fact]
    public void Data_sets_are_the_same_every_time()
    {
        foreach (var (name, task) in DataSets.All())
            Assert.Equal(s_sets[name].Items, task.Items);
    }

    [Fact]
    public void Messages_that_fit_no_skill_differ_between_the_classifiers_parts()
    {
        var random = new Random(1);
        var parts = Enum.GetValues<Part>().ToDictionary(static part => part, part => Enumerable.Range(0, 2000).Select(_ => TalkSkill.DrawMessage(random, part)).ToHashSet());
        var ofTest = parts[Part.Test].Except(parts[Part.Training]).ToList();
        Assert.True(ofTest.Count > parts[Part.Test].Count / 4);
    }
}
