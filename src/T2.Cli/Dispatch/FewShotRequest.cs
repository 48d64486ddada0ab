using T2.Runtime.Search;
using T2.Tasks;

namespace T2.Cli;

/// <summary>A few-shot search, checked as far as it can be before anything is loaded.</summary>
/// <param name="Task">Its first items are the shots.</param>
/// <param name="Validation">What the result is judged by; null = nothing.</param>
internal sealed record FewShotRequest(TaskSet Task, TaskSet? Validation, FewShotOptions Options);
