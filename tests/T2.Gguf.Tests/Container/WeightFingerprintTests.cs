using System.IO.Hashing;
using T2.TestKit;

namespace T2.Gguf.Tests.Container;

public sealed class WeightFingerprintTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Metadata_and_order_do_not_matter()
    {
        var plain = Fingerprint(writer => Add(writer, "a", "b"));
        var reordered = Fingerprint(writer =>
        {
            writer.SetMetadata("general.name", "another");
            Add(writer, "b", "a");
        });
        Assert.Equal(plain, reordered);
        Assert.Matches("^xxh128:[0-9a-f]{32}$", plain);
    }

    [Fact]
    public void Names_types_shapes_and_bytes_matter()
    {
        var all = new[]
        {
            Fingerprint(writer => writer.AddTensor("a", TensorType.F32, [4, 2], new byte[32])),
            Fingerprint(writer => writer.AddTensor("b", TensorType.F32, [4, 2], new byte[32])),
            Fingerprint(writer => writer.AddTensor("a", TensorType.I32, [4, 2], new byte[32])),
            Fingerprint(writer => writer.AddTensor("a", TensorType.F32, [2, 4], new byte[32])),
            Fingerprint(writer => writer.AddTensor("a", TensorType.F32, [8], new byte[32])),
            Fingerprint(writer => writer.AddTensor("a", TensorType.F32, [8, 1], new byte[32])),
            Fingerprint(writer => writer.AddTensor("a", TensorType.F32, [4, 2], new byte[32].Select((_, i) => i == 31 ? (byte)1 : (byte)0).ToArray())),
            Fingerprint(_ => { }),
        };
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    [Fact]
    public void Swapping_the_data_of_two_tensors_matters()
    {
        var ones = Enumerable.Repeat((byte)1, 8).ToArray();
        Assert.NotEqual(
            Fingerprint(writer => { writer.AddTensor("a", TensorType.I8, [8], ones); writer.AddTensor("b", TensorType.I8, [8], new byte[8]); }),
            Fingerprint(writer => { writer.AddTensor("a", TensorType.I8, [8], new byte[8]); writer.AddTensor("b", TensorType.I8, [8], ones); }));
    }

    [Fact]
    public void Data_longer_than_one_chunk_are_hashed_whole()
    {
        var data = new byte[(4 << 20) + 5];
        new Random(1).NextBytes(data);
        var whole = Fingerprint(writer => writer.AddTensor("a", TensorType.I8, [data.Length], data));
        data[^1] ^= 1;
        Assert.NotEqual(whole, Fingerprint(writer => writer.AddTensor("a", TensorType.I8, [data.Length], data)));

        // The documented recipe, written out once more without chunks and threads.
        var expected = new XxHash128();
        expected.Append(BitConverter.GetBytes(1L));
        expected.Append("a"u8);
        expected.Append(BitConverter.GetBytes((long)TensorType.I8));
        expected.Append(BitConverter.GetBytes(1L));
        expected.Append(BitConverter.GetBytes((long)data.Length));
        var dataHash = XxHash128.HashToUInt128(data);
        expected.Append(BitConverter.GetBytes((ulong)dataHash));
        expected.Append(BitConverter.GetBytes((ulong)(dataHash >> 64)));
        Assert.Equal(
            $"xxh128:{expected.GetCurrentHashAsUInt128():x32}",
            Fingerprint(writer => writer.AddTensor("a", TensorType.I8, [data.Length], data)));
    }

    [Fact]
    public void Cancelling_stops_it()
    {
        var path = _folder.File("cancel.gguf");
        File.WriteAllBytes(path, MalformedGguf.Valid());
        using var file = GgufFile.Open(path);
        Assert.Throws<OperationCanceledException>(() => WeightFingerprint.Compute(file, new CancellationToken(canceled: true)));
    }

    private static void Add(GgufWriter writer, params string[] names)
    {
        foreach (var name in names)
            writer.AddTensor(name, TensorType.I8, [2], new[] { (byte)name[0], (byte)7 });
    }

    private string Fingerprint(Action<GgufWriter> build)
    {
        var writer = new GgufWriter();
        build(writer);
        var path = _folder.File("fingerprint.gguf");
        writer.WriteTo(path);
        using var file = GgufFile.Open(path);
        return WeightFingerprint.Compute(file);
    }
}
