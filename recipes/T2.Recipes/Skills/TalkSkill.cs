namespace T2.Recipes;

/// <summary>Everything else: facts, small talk, things. No expert is made for it; dispatch calls it "other".</summary>
internal sealed class TalkSkill : Skill
{
    private static readonly (string Country, string Capital)[] s_capitals =
    [
        ("France", "Paris"), ("Italy", "Rome"), ("Spain", "Madrid"), ("Japan", "Tokyo"), ("Egypt", "Cairo"), ("Cuba", "Havana"), ("Peru", "Lima"), ("Norway", "Oslo"), ("Greece", "Athens"),
        ("Kenya", "Nairobi"), ("Austria", "Vienna"), ("Poland", "Warsaw"), ("Ghana", "Accra"), ("India", "Delhi"), ("Chile", "Santiago"), ("Finland", "Helsinki"),
    ];

    private static readonly (string Kind, string[] Things)[] s_kinds =
    [
        ("an animal", ["cat", "dog", "horse", "sheep", "tiger", "whale", "mouse", "eagle"]), ("a fruit", ["apple", "pear", "plum", "lemon", "cherry", "banana"]),
        ("a tool", ["hammer", "saw", "knife", "spade", "needle"]), ("a colour", ["red", "blue", "green", "yellow", "purple"]), ("a drink", ["tea", "coffee", "milk", "water", "juice"]),
    ];

    private static readonly (string Prompt, string Answer)[] s_talk =
    [
        ("Hello!", "Hello, how can I help you?"), ("Good morning!", "Good morning to you."), ("How are you?", "I am fine, thank you."), ("Who are you?", "I am a very small model."),
        ("Thank you!", "You are welcome."), ("Goodbye!", "Goodbye, see you soon."), ("Tell me a joke.", "I know no jokes yet."), ("Can you help me?", "Yes, tell me what you need."),
        ("What can you do?", "I can count, turn letters, rank people and read programs."), ("Sing a song.", "La la la."), ("Are you tired?", "No, I never sleep."),
        ("What day is it?", "I do not know the day."), ("Is it cold today?", "I do not know the weather."), ("Where do you live?", "I live in a small file."),
    ];

    private static readonly string[] s_openings = ["Tell me about{0}.", "What is a{0}?", "Do you like{0}?", "Why is{0} good?", "How do I cook{0}?", "I have a{0}.", "Write a poem about a{0}.", "Where can I buy{0}?"];

    /// <summary>Sentences in no text of the corpus: a dispatcher must know "other" when it sees it, not by heart. The classifier's training, validation and test have their own.</summary>
    private static readonly string[][] s_strangeSentences =
    [
        [
            "Can you say more about{0}?", "They have no{0}.", "Where is my{0}?", "I like{0} and you know it.", "When do people want{0}?", "Please make me some{0}.", "Is{0} good for you?", "This is not{0}.",
            "Suppose nobody invented{0}.", "My uncle collects{0}.", "Every morning brings{0}.", "Could{0} survive winter?", "Old stories mention{0}.", "Nothing beats{0} on holidays.", "Some folks never touch{0}.",
            "How heavy can{0} be?", "Last week we bought{0}.", "Her garden was full of{0}.", "Under the bed lay{0}.", "Imagine a world without{0}.", "Take{0} along.", "Somebody stole our{0}.", "Let us talk about{0}.",
            "Children draw{0} happily.", "Our neighbour sells{0}.", "Keep{0} away from fire.",
        ],
        ["Would you like some{0}?", "How is your{0}?", "We see the{0}."],
        ["Why do they like{0}?", "Give me the{0}.", "The{0} is on the way.", "Which{0} was it?", "She will use a{0}.", "Can I have{0} with that?", "What would you do with a{0}?", "If you have{0} tell me."],
    ];

    public override string Name => "other";

    public override string Description => "";

    public override int MaxTokens => 20;

    public override IEnumerable<string> Templates =>
    [
        "What is the capital of {0}?", "Which city is the capital of {0}?", "Is {0} in {1}?", .. s_openings, .. s_talk.SelectMany(static talk => new[] { talk.Prompt }),
    ];

    /// <summary>Texts whose words should be tokens.</summary>
    public static IEnumerable<string> Words =>
    [
        .. s_talk.Select(static talk => talk.Answer), .. s_capitals.SelectMany(static pair => new[] { pair.Country, pair.Capital }),
        .. s_kinds.SelectMany(static kind => kind.Things.Select(static thing => " " + thing).Append($" is {kind.Kind}.")), "A", "Yes", "No", "The",
    ];

    /// <summary>A message for the classifier: half of them as in the corpus, half in sentences new to the model, which differ from part to part.</summary>
    public static string DrawMessage(Random random, Part part) =>
        random.Next(2) == 0 ? SkillSet.Talk.Draw(random).Prompt : new Phrasing(Pick(random, s_strangeSentences[(int)part]), 1).With(" " + Pick(random, Pick(random, s_kinds).Things));

    public override Question Draw(Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                var (country, capital) = Pick(random, s_capitals);
                string ask = random.Next(2) == 0 ? "What is the capital of {0}?" : "Which city is the capital of {0}?";
                return new Question(new Phrasing(ask, 1).With(country), capital, country);
            case 1:
                var (asked, itsCapital) = Pick(random, s_capitals);
                bool yes = random.Next(2) == 0;
                string city = yes ? itsCapital : Pick(random, s_capitals).Capital;
                return new Question($"Is {city} in {asked}?", city == itsCapital ? "Yes" : "No", $"{city}/{asked}");
            case 2:
                var (prompt, answer) = Pick(random, s_talk);
                return new Question(prompt, answer, prompt);
            default:
                var (kind, things) = Pick(random, s_kinds);
                // With its space: " tea" is a token, "tea" would be one inside strings of letters too.
                string thing = " " + Pick(random, things);
                string opening = Pick(random, s_openings);
                return new Question(new Phrasing(opening, 1).With(thing), $"A{thing} is {kind}.", opening + thing);
        }
    }
}
