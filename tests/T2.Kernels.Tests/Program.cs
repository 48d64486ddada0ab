using T2.Gguf;
using T2.Kernels;
using T2.Kernels.Tests;

// The second process of the sharing tests: <model> <factor file> <weights to factor, after which it waits to be killed>.
using var model = GgufFile.Open(args[0]);
var kernel = new ProbeKernel { Before = call => Thread.Sleep(call > int.Parse(args[2]) ? Timeout.Infinite : 0) };
var completed = 0;
var log = new ProgressLog
{
    On = report =>
    {
        if (report.Note is not null)
            Console.WriteLine(report.Note);
        if (report.Completed > completed)
            Console.WriteLine($"finished {report.WeightName}");
        completed = report.Completed;
    },
};
using var store = FactorStore.OpenOrCreate(
    args[1], model, WeightFingerprint.Compute(model), [.. BlockWeights.List(model).Select(static tensor => tensor.Name)], kernel, new FactorOptions { Threads = 1 }, log, default);
store.Verify();
Console.WriteLine($"computed {kernel.Calls}");
return 0;
