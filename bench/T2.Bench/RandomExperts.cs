using T2.Gguf;
using T2.Gguf.Experts;
using T2.Kernels;
using T2.Runtime;

namespace T2.Bench;

/// <summary>Experts and LoRA adapters with random values: what they cost does not depend on what they learned.</summary>
internal static class RandomExperts
{
    /// <summary>z uniform in [1 − spread, 1 + spread] for every block weight.</summary>
    public static Expert Make(AdaptiveModel model, int seed, float spread)
    {
        var random = new Random(seed);
        var vectors = new List<KeyValuePair<string, ReadOnlyMemory<float>>>();
        foreach (var tensor in BlockWeights.List(model.File))
        {
            var z = new float[BlockWeights.ShapeOf(tensor).Rank];
            for (int index = 0; index < z.Length; index++)
                z[index] = 1 + spread * (2 * random.NextSingle() - 1);
            vectors.Add(new(tensor.Name, z));
        }
        return new Expert($"random{seed}", model.File.Architecture!, model.Fingerprint, vectors);
    }

    /// <summary>Writes a LoRA adapter of the given rank over every block weight (F16, as llama.cpp's converter writes them).</summary>
    public static void WriteLora(GgufFile model, int rank, string path)
    {
        var random = new Random(rank);
        var writer = new GgufWriter();
        writer.SetMetadata("general.architecture", model.Architecture!);
        writer.SetMetadata("general.type", "adapter");
        writer.SetMetadata("adapter.type", "lora");
        writer.SetMetadata("adapter.lora.alpha", (float)rank);
        foreach (var tensor in BlockWeights.List(model))
        {
            writer.AddTensor(tensor.Name + ".lora_a", TensorType.F16, [tensor.Dimensions[0], rank], Values(random, tensor.Dimensions[0] * rank));
            writer.AddTensor(tensor.Name + ".lora_b", TensorType.F16, [rank, tensor.Dimensions[1]], Values(random, tensor.Dimensions[1] * rank));
        }
        writer.WriteTo(path);
    }

    private static byte[] Values(Random random, long count)
    {
        var bytes = new byte[count * 2];
        for (long index = 0; index < count; index++)
            BitConverter.TryWriteBytes(bytes.AsSpan((int)(2 * index)), (Half)(0.01f * (random.NextSingle() - 0.5f)));
        return bytes;
    }
}
