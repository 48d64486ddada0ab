using T2.Gguf.Experts;
using T2.Runtime;

namespace T2.Training;

/// <summary>An SVF expert in training.</summary>
internal sealed class SvfAdapter : TrainedAdapter
{
    private readonly SvfParameters _z;
    private readonly SvfCoordinates _coordinates;

    internal SvfAdapter(SvfParameters z, SvfCoordinates coordinates)
    {
        _z = z;
        _coordinates = coordinates;
        ApplyValues();
    }

    internal override ModelParameters Engine => _z;

    internal override TrainableParameters Optimised => _coordinates;

    internal override void GatherGradient() => _coordinates.Gather();

    internal override void ApplyValues() => _coordinates.Apply();

    // A new object each time: the runtime rebuilds for it and keeps none of those before.
    internal override Expert Show(BatchGenerator generator) => _z.ToExpert("in training");

    internal override void Save(string path, AdapterFacts facts) =>
        _z.ToExpert(facts.Name, null, facts.Description, facts.Task, facts.Training, facts.Details).Save(path);
}
