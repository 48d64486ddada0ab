namespace T2.Tasks;

/// <summary>Forms in which public task sets are published.</summary>
internal enum PublicFormat
{
    /// <summary>T2's own.</summary>
    Own,

    /// <summary>GSM8K: question, answer with the number after ####.</summary>
    Gsm8k,

    /// <summary>MATH: problem, solution with the answer in \boxed{}.</summary>
    Math,

    /// <summary>MBPP: text (or prompt), code, test_list.</summary>
    Mbpp,

    /// <summary>HumanEval: prompt, entry_point, test.</summary>
    HumanEval,

    /// <summary>ARC: question with labelled choices, answerKey.</summary>
    Arc,

    /// <summary>MMLU: question, choices, answer as an index from 0 or a letter.</summary>
    Mmlu,
}
