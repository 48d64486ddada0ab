// Loads a GGUF with plain llama.cpp, nothing of T2's adaptation in the process, and prints the logits of the last prompt token as one line of hex.
// Tests run it as a child process: what an exported model computes here is what stock llama.cpp computes.
// Usage: T2.Probe MODEL TOKEN[,TOKEN...] [none|auto|mmap] [repack|norepack]
using System.Runtime.InteropServices;
using T2.Llama;

int[] tokens = [.. args[1].Split(',').Select(int.Parse)];
LlamaLibrary.Load();
using var model = LlamaModel.Load(args[0], new LlamaModelOptions
{
    LoadMode = args.ElementAtOrDefault(2) switch
    {
        "none" => LlamaLoadMode.None,
        "mmap" => LlamaLoadMode.Mmap,
        _ => LlamaLoadMode.Auto,
    },
    UseExtraBufferTypes = args.ElementAtOrDefault(3) != "norepack",
});
using var context = LlamaContext.Create(model, new LlamaContextOptions { ContextLength = 128, BatchSize = 128, MicroBatchSize = 128, MaxSequences = 1, UnifiedKv = true, Threads = 1, BatchThreads = 1 });
var batch = new LlamaBatch(128);
for (int position = 0; position < tokens.Length; position++)
    batch.Add(tokens[position], position, 0, position == tokens.Length - 1);
context.Decode(batch);
Console.WriteLine(Convert.ToHexString(MemoryMarshal.AsBytes(context.Logits(tokens.Length - 1))));
