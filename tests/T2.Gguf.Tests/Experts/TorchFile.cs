using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace T2.Gguf.Tests.Experts;

/// <summary>Writes torch.save's zip format, right or wrong as told: a pickle assembled by the test, and storages beside it.</summary>
internal sealed class TorchFile
{
    private readonly List<byte> _pickle = [];
    private readonly List<(string Name, byte[] Bytes)> _entries = [];

    public string Root { get; init; } = "archive";

    public bool HasPickle { get; init; } = true;

    public TorchFile Op(params ReadOnlySpan<byte> bytes)
    {
        _pickle.AddRange(bytes);
        return this;
    }

    public TorchFile Proto(byte version = 2) => Op(0x80, version);

    public TorchFile Op(char code) => Op((byte)code);

    public TorchFile Global(string module, string name) => Op('c').Op(Encoding.UTF8.GetBytes($"{module}\n{name}\n"));

    public TorchFile Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        return Op('X').Op(length).Op(bytes);
    }

    /// <summary>An integer of any size, as LONG1.</summary>
    public TorchFile Int(long value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Op(0x8A, 8).Op(bytes);
    }

    public TorchFile Sizes(params long[] sizes)
    {
        Op('(');
        foreach (var size in sizes)
            Int(size);
        return Op('t');
    }

    public TorchFile OrderedDict() => Global("collections", "OrderedDict").Op(')').Op('R');

    public TorchFile Storage(string key, string type, long length) =>
        Op('(').Text("storage").Global("torch", type).Text(key).Text("cuda:1").Int(length).Op('t').Op('Q');

    public TorchFile Tensor(string key, string type, long storageLength, long offset, long[] shape, long[] strides) =>
        Global("torch._utils", "_rebuild_tensor_v2").Op('(').Storage(key, type, storageLength).Int(offset).Sizes(shape).Sizes(strides)
            .Op(0x89).OrderedDict().Op('t').Op('R');

    /// <summary>A whole dict of one-dimensional tensors, bytes and all.</summary>
    public static TorchFile Dict(string type, params (string Name, byte[] Bytes, long Length)[] tensors)
    {
        var file = new TorchFile().Proto().Op('}').Op('(');
        for (var i = 0; i < tensors.Length; i++)
        {
            var (name, bytes, length) = tensors[i];
            file.Text(name).Tensor($"{i}", type, length, 0, [length], [1]).Entry($"data/{i}", bytes);
        }
        return file.Op('u').Op('.');
    }

    public static TorchFile Floats(params (string Name, float[] Values)[] tensors) =>
        Dict("FloatStorage", [.. tensors.Select(tensor => (tensor.Name, tensor.Values.SelectMany(BitConverter.GetBytes).ToArray(), (long)tensor.Values.Length))]);

    public TorchFile Entry(string name, byte[] bytes)
    {
        _entries.Add((name, bytes));
        return this;
    }

    public string Save(string path, CompressionLevel compression = CompressionLevel.NoCompression)
    {
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        if (HasPickle)
            _entries.Insert(0, ("data.pkl", [.. _pickle]));
        foreach (var (name, bytes) in _entries)
        {
            using var stream = zip.CreateEntry($"{Root}/{name}", compression).Open();
            stream.Write(bytes);
        }
        return path;
    }
}
