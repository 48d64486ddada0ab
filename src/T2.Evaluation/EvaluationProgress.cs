namespace T2.Evaluation;

/// <summary>Where an evaluation is.</summary>
/// <param name="Task">The task being answered.</param>
/// <param name="Strategy">How.</param>
/// <param name="Done">Its items answered, earlier runs included.</param>
/// <param name="Items">Its items.</param>
/// <param name="Correct">Of the items done, those right.</param>
/// <param name="AllDone">Items answered over all tasks and strategies, earlier runs included.</param>
/// <param name="AllItems">Items of all tasks and strategies.</param>
public readonly record struct EvaluationProgress(string Task, string Strategy, int Done, int Items, int Correct, int AllDone, int AllItems);
