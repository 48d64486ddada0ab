using T2.TestKit;

namespace T2.Gguf.Tests.Container;

public sealed class GgufWriterTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> SharedFiles =>
        ["stories260Ktok512.gguf", "stories260K-f16.gguf", "tiny1m-f16.gguf", "tiny1m-q8_0.gguf", "tiny1m-q4_0.gguf", "synthetic-lora-r4-tiny1m.gguf", "synthetic-lora-r4-stories260K.gguf"];

    [SkippableTheory]
    [MemberData(nameof(SharedFiles))]
    public void A_file_made_by_others_comes_back_byte_for_byte(string name)
    {
        var source = SharedModels.TryFind(name);
        Skip.If(source is null, SharedModels.Missing);
        var copy = _folder.File("copy.gguf");

        using (var file = GgufFile.Open(source))
        {
            var writer = new GgufWriter(file.Alignment);
            writer.CopyMetadata(file.Metadata);
            foreach (var tensor in file.Tensors)
                writer.AddTensor(tensor.Name, tensor.Type, [.. tensor.Dimensions], stream => stream.Write(file.GetData(tensor)));
            writer.WriteTo(copy);
        }

        Assert.Equal(File.ReadAllBytes(source), File.ReadAllBytes(copy));
    }

    [Fact]
    public void Every_kind_of_value_comes_back()
    {
        var values = new (string Key, GgufValue Value)[]
        {
            ("u8", (byte)255), ("i8", (sbyte)-128), ("u16", ushort.MaxValue), ("i16", short.MinValue), ("u32", uint.MaxValue), ("i32", int.MinValue),
            ("u64", ulong.MaxValue), ("i64", long.MinValue), ("f32", float.Epsilon), ("f64", double.MaxValue), ("true", true), ("false", false),
            ("text", "zażółć 🐙"), ("empty", ""),
            ("bytes", GgufValue.FromArray<byte>([1, 2])), ("shorts", GgufValue.FromArray<short>([-1, 2])), ("ints", GgufValue.FromArray([1, -2, 3])),
            ("longs", GgufValue.FromArray([1L, -2L])), ("floats", GgufValue.FromArray([1f, float.NaN])), ("doubles", GgufValue.FromArray([0.5, -0.0])),
            ("bools", GgufValue.FromArray([true, false])), ("none", GgufValue.FromArray<uint>([])), ("texts", GgufValue.FromStrings(["a", "", "🐙"])),
            ("no texts", GgufValue.FromStrings([])),
        };
        var writer = new GgufWriter();
        foreach (var (key, value) in values)
            writer.SetMetadata(key, value);
        var path = _folder.File("values.gguf");
        writer.WriteTo(path);

        using var file = GgufFile.Open(path);

        Assert.Equal(values.Select(pair => pair.Key), file.Metadata.Keys);
        Assert.All(values, pair => Assert.Equal(pair.Value, file.Metadata[pair.Key]));
        Assert.Equal("zażółć 🐙", file.Metadata.GetString("text"));
        Assert.Equal(["a", "", "🐙"], file.Metadata.GetStrings("texts"));
        Assert.Equal(-128, file.Metadata.GetInt64("i8"));
        Assert.Equal(ulong.MaxValue, file.Metadata.GetUInt64("u64"));
        Assert.Equal(float.Epsilon, file.Metadata.GetDouble("f32"));
        Assert.True(file.Metadata["ints"].TryGetArray<int>(out var ints));
        Assert.Equal([1, -2, 3], ints.ToArray());
        Assert.False(file.Metadata["ints"].TryGetArray<uint>(out _));
        Assert.False(file.Metadata.TryGetUInt64("i64", out _));
        Assert.False(file.Metadata.TryGetInt64("u64", out _));
        Assert.Equal("arr[str,3]", file.Metadata["texts"].TypeName);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(32)]
    [InlineData(4096)]
    public void Tensors_lie_at_the_alignment(int alignment)
    {
        var path = _folder.File("aligned.gguf");
        var writer = new GgufWriter(alignment);
        writer.SetMetadata("general.architecture", "llama");
        writer.AddTensor("a", TensorType.I8, [3], new byte[] { 1, 2, 3 });
        writer.AddTensor("b", TensorType.F32, [2, 1, 1, 2], new byte[16]);
        writer.AddTensor("c", TensorType.I8, [1], new byte[] { 9 });
        writer.WriteTo(path);

        using var file = GgufFile.Open(path);

        Assert.Equal(alignment, file.Alignment);
        Assert.Equal(alignment != 32, file.Metadata.ContainsKey("general.alignment"));
        Assert.All(file.Tensors, tensor => Assert.Equal(0, tensor.Offset % alignment));
        Assert.Equal([1, 2, 3], file.GetData(file.Tensors[0]).ToArray());
        Assert.Equal([2L, 1L, 1L, 2L], file.Tensors[1].Dimensions);
        Assert.Equal([9], file.GetData(file.Tensors[2]).ToArray());
    }

    [Fact]
    public void A_value_set_again_keeps_its_place()
    {
        var writer = new GgufWriter();
        writer.SetMetadata("a", 1);
        writer.SetMetadata("b", 2);
        writer.SetMetadata("a", "three");
        var path = _folder.File("again.gguf");
        writer.WriteTo(path);

        using var file = GgufFile.Open(path);

        Assert.Equal(["a", "b"], file.Metadata.Keys);
        Assert.Equal("three", file.Metadata.GetString("a"));
    }

    [Fact]
    public void Tensors_no_reader_would_take_are_refused()
    {
        var writer = new GgufWriter();
        writer.AddTensor("a", TensorType.F32, [1], new byte[4]);
        Assert.Throws<ArgumentException>(() => writer.AddTensor("a", TensorType.F32, [1], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("", TensorType.F32, [1], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor(new string('x', 64), TensorType.F32, [1], new byte[4]));
        Assert.ThrowsAny<ArgumentException>(() => writer.AddTensor("lone \ud800", TensorType.F32, [1], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("b", TensorType.F32, [], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("b", TensorType.F32, [1, 1, 1, 1, 1], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("b", TensorType.F32, [0], Array.Empty<byte>()));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("b", TensorType.Q4_0, [33], new byte[18]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("b", TensorType.F32, [long.MaxValue, 2], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("b", TensorType.F32, [2], new byte[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.AddTensor("b", (TensorType)4, [32], new byte[20]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GgufWriter(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GgufWriter(0));
        Assert.Throws<ArgumentException>(() => writer.SetMetadata("general.alignment", 64u));
        Assert.Throws<ArgumentException>(() => writer.SetMetadata("", 1));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void A_failed_write_leaves_the_old_file_and_nothing_else(int written)
    {
        var path = _folder.File("model.gguf");
        File.WriteAllText(path, "old");
        var writer = new GgufWriter();
        writer.AddTensor("a", TensorType.I8, [4], stream => stream.Write(new byte[written]));

        var error = Assert.Throws<InvalidOperationException>(() => writer.WriteTo(path));

        Assert.Contains("\"a\"", error.Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_callback_that_throws_leaves_no_file()
    {
        var writer = new GgufWriter();
        writer.AddTensor("a", TensorType.I8, [4], _ => throw new OperationCanceledException());

        Assert.Throws<OperationCanceledException>(() => writer.WriteTo(_folder.File("model.gguf")));

        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_directory_or_a_missing_folder_cannot_be_written()
    {
        var writer = new GgufWriter();
        Assert.Throws<UnauthorizedAccessException>(() => writer.WriteTo(_folder.Path));
        Assert.Throws<DirectoryNotFoundException>(() => writer.WriteTo(Path.Combine(_folder.Path, "absent", "model.gguf")));
    }

    [Fact]
    public void A_file_can_be_rewritten_while_it_is_mapped()
    {
        var path = _folder.File("model.gguf");
        File.WriteAllBytes(path, MalformedGguf.Valid());
        using var file = GgufFile.Open(path);
        var writer = new GgufWriter();
        var tensor = file.Tensors[0];
        writer.AddTensor("copy", tensor.Type, [.. tensor.Dimensions], stream => stream.Write(file.GetData(tensor)));

        writer.WriteTo(path);

        using var rewritten = GgufFile.Open(path);
        Assert.Equal(file.GetData(tensor).ToArray(), rewritten.GetData(rewritten.Tensors[0]).ToArray());
    }
}
