using T2.Gguf.Experts;
using T2.Llama;
using T2.Runtime;

namespace T2.Training;

/// <summary>A LoRA in training. The runtime samples with it through llama.cpp's own adapters, read from the very file a user would get.</summary>
internal sealed class LoraAdapter(LoraParameters parameters, LlamaModel model) : TrainedAdapter
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("t2-lora-");
    private LlamaLoraAdapter? _shown;

    internal override ModelParameters Engine => parameters;

    internal override TrainableParameters Optimised => parameters;

    internal override Expert? Show(BatchGenerator generator)
    {
        string path = Path.Combine(_folder.FullName, "lora.gguf");
        parameters.WriteGguf(path, "in training");
        Replace(generator, LlamaLoraAdapter.Load(model, path));
        return null;
    }

    internal override void Hide(BatchGenerator generator) => Replace(generator, null);

    internal override void Save(string path, AdapterFacts facts) => parameters.WriteGguf(
        path,
        facts.Name,
        [
            .. facts.Description is { } description ? [KeyValuePair.Create("general.description", description)] : Array.Empty<KeyValuePair<string, string>>(),
            new("t2.training.task", facts.Task),
            new("t2.training.how", facts.Training),
            .. facts.Details,
        ]);

    public override void Dispose()
    {
        _shown?.Dispose();
        _folder.Delete(recursive: true);
        base.Dispose();
    }

    private void Replace(BatchGenerator generator, LlamaLoraAdapter? next)
    {
        generator.SetLoraAdapters(next is null ? [] : [new LlamaLoraUse(next)]);
        _shown?.Dispose();
        _shown = next;
    }
}
