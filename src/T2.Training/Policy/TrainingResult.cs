namespace T2.Training;

/// <summary>How a run ended.</summary>
/// <param name="OutputPath">The file written.</param>
/// <param name="Parameters">Numbers trained.</param>
/// <param name="Steps">Steps done.</param>
/// <param name="BestStep">The step whose numbers were kept.</param>
/// <param name="ValidationItems">Questions validated with.</param>
/// <param name="CorrectBefore">Of these, answered right by the base.</param>
/// <param name="CorrectAfter">Of these, answered right with the numbers kept. Chosen as the best of several validations, so it flatters; report a third set.</param>
/// <param name="StoppedEarly">Whether validation had stopped improving.</param>
/// <param name="Elapsed">Wall time of this process's part of the run.</param>
public sealed record TrainingResult(
    string OutputPath, long Parameters, int Steps, int BestStep, int ValidationItems, int CorrectBefore, int CorrectAfter, bool StoppedEarly, TimeSpan Elapsed);
