using System.Runtime.InteropServices;
using T2.Gguf;

namespace T2.Training;

/// <summary>State of a pre-training run between two steps.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="NextDocument">Index of the first document not trained on.</param>
/// <param name="Tokens">Tokens trained on.</param>
/// <param name="Elapsed">Time spent.</param>
/// <param name="ValidationLoss">Last validation loss; NaN before the first.</param>
internal sealed record BaseCheckpoint(long Step, long NextDocument, long Tokens, TimeSpan Elapsed, double ValidationLoss)
{
    private const int Magic = 0x54423254; // "T2BT"

    public void Save(string path, string settings, FullParameters parameters, AdamW optimiser) => AtomicFile.Write(path, stream =>
    {
        using var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true);
        writer.Write(Magic);
        writer.Write(settings);
        writer.Write(parameters.Model.Shape.ToString());
        writer.Write(Step);
        writer.Write(NextDocument);
        writer.Write(Tokens);
        writer.Write(Elapsed.Ticks);
        writer.Write(ValidationLoss);
        foreach (var tensor in parameters.Tensors)
            writer.Write(MemoryMarshal.AsBytes(tensor.Values.AsSpan()));
        writer.Flush();
        optimiser.Save(stream);
    });

    /// <summary>Reads a checkpoint into the model and the optimiser.</summary>
    /// <exception cref="TrainingException">It is of another run, or damaged; the message names the file.</exception>
    public static BaseCheckpoint Load(string path, string settings, FullParameters parameters, AdamW optimiser)
    {
        try
        {
            using var stream = new BufferedStream(File.OpenRead(path), 1 << 16);
            using var reader = new BinaryReader(stream, System.Text.Encoding.UTF8);
            if (reader.ReadInt32() != Magic)
                throw new TrainingException($"{path} is not a checkpoint of pre-training.");
            Require(path, reader.ReadString(), settings);
            Require(path, reader.ReadString(), parameters.Model.Shape.ToString());
            var state = new BaseCheckpoint(reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), new TimeSpan(reader.ReadInt64()), reader.ReadDouble());
            foreach (var tensor in parameters.Tensors)
                stream.ReadExactly(MemoryMarshal.AsBytes(tensor.Values.AsSpan()));
            optimiser.Load(stream);
            return state;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new TrainingException($"The checkpoint {path} cannot be read: {e.Message}", e);
        }
    }

    private static void Require(string path, string found, string wanted)
    {
        if (found != wanted)
            throw new TrainingException($"The checkpoint {path} is of a run with {found}; this one has {wanted}. Delete it, or go on with its settings.");
    }
}
