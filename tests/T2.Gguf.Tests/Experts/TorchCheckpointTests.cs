using System.IO.Compression;
using System.Text;
using System.Text.Json;
using T2.Gguf.Experts;
using T2.TestKit;

namespace T2.Gguf.Tests.Experts;

public sealed class TorchCheckpointTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_saved_by_PyTorch_are_read_whatever_their_type_and_strides()
    {
        var checkpoint = TorchCheckpoint.Load(Fixtures.Path("tensors.pt"));

        var expected = Fixtures.Expected.GetProperty("tensors");
        var shapes = Fixtures.Expected.GetProperty("shapes");
        Assert.Equal(expected.EnumerateObject().Select(property => property.Name), checkpoint.Tensors.Select(tensor => tensor.Name));
        Assert.All(checkpoint.Tensors, tensor =>
        {
            Assert.Equal(Floats(expected.GetProperty(tensor.Name)), tensor.Values.ToArray());
            Assert.Equal(shapes.GetProperty(tensor.Name).EnumerateArray().Select(size => size.GetInt64()), tensor.Shape);
        });
        Assert.Equal([TensorType.F32, TensorType.F16, TensorType.F64, TensorType.BF16], checkpoint.Tensors.Take(4).Select(tensor => tensor.Type));
    }

    [Theory]
    [InlineData("integers.pt", "torch.LongStorage is not allowed")]
    [InlineData("module.pt", "is not allowed")]
    public void Other_things_saved_by_PyTorch_are_refused_by_name(string file, string fragment)
    {
        var error = Assert.Throws<GgufException>(() => TorchCheckpoint.Load(Fixtures.Path(file)));
        Assert.Contains(fragment, error.Message, StringComparison.Ordinal);
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("posix", "system")]
    [InlineData("torch.storage", "_load_from_bytes")]
    [InlineData("collections", "OrderedDict.popitem")]
    public void A_pickle_that_would_run_code_is_refused_by_name(string module, string name)
    {
        var file = new TorchFile().Proto().Global(module, name).Op('(').Text("touch pwned").Op('t').Op('R').Op('.');
        var message = Refusal(file);
        Assert.Contains($"position 2: the name {module}.{name} is not allowed", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x81, "NEWOBJ")]
    [InlineData('i', "INST")]
    [InlineData('o', "OBJ")]
    [InlineData(0x82, "EXT1")]
    [InlineData('P', "PERSID")]
    [InlineData(0x93, "STACK_GLOBAL")]
    [InlineData(0x00, "none")]
    public void Instructions_that_build_more_than_tensors_are_refused(int code, string name)
    {
        _ = name;
        var file = new TorchFile().Proto().Op((byte)code).Op('.');
        Assert.Contains($"position 2: instruction 0x{code:X2}", Refusal(file), StringComparison.Ordinal);
    }

    public static TheoryData<string> BadPickles => [.. s_badPickles.Keys];

    private static readonly Dictionary<string, (Func<TorchFile> File, string Fragment)> s_badPickles = new()
    {
        ["empty"] = (() => new TorchFile(), "ends within an instruction"),
        ["no stop"] = (() => new TorchFile().Proto().Op('}'), "ends within an instruction"),
        ["stop on an empty stack"] = (() => new TorchFile().Proto().Op('.'), "STOP with 0 objects"),
        ["stop with two objects"] = (() => new TorchFile().Proto().Op('}').Op('}').Op('.'), "STOP with 2 objects"),
        ["stop on a mark"] = (() => new TorchFile().Proto().Op('(').Op('.'), "the stack is empty"),
        ["protocol 4"] = (() => new TorchFile().Proto(4).Op('}').Op('.'), "protocol 4"),
        ["tuple without mark"] = (() => new TorchFile().Proto().Op('t').Op('.'), "no MARK"),
        ["tuple of three of two"] = (() => new TorchFile().Proto().Op('N').Op('N').Op(0x87).Op('.'), "the stack is empty"),
        ["memo never set"] = (() => new TorchFile().Proto().Op((byte)'h', 7), "memo 7"),
        ["long memo never set"] = (() => new TorchFile().Proto().Op((byte)'j', 255, 255, 255, 255), "memo 4294967295"),
        ["text past the end"] = (() => new TorchFile().Proto().Op((byte)'X', 255, 255, 255, 255, 65), "ends within an instruction"),
        ["text not UTF-8"] = (() => new TorchFile().Proto().Op((byte)'X', 1, 0, 0, 0, 255).Op('.'), "not UTF-8"),
        ["integer of 9 bytes"] = (() => new TorchFile().Proto().Op(0x8A, 9).Op(new byte[9]).Op('.'), "integer of 9 bytes"),
        ["global without end"] = (() => new TorchFile().Proto().Op('c').Op(Encoding.ASCII.GetBytes(new string('a', 1000))), "a name without an end"),
        ["set on a tuple"] = (() => new TorchFile().Proto().Op(')').Text("k").Op('N').Op('s').Op('.'), "without a dict"),
        ["odd number of items"] = (() => new TorchFile().Proto().Op('}').Op('(').Text("k").Op('u').Op('.'), "without a dict and pairs"),
        ["append to a dict"] = (() => new TorchFile().Proto().Op('}').Op('N').Op('a').Op('.'), "without a list"),
        ["call of a string"] = (() => new TorchFile().Proto().Text("f").Op(')').Op('R').Op('.'), "not a name"),
        ["call without arguments"] = (() => new TorchFile().Proto().Global("collections", "OrderedDict").Op('N').Op('R').Op('.'), "without a tuple"),
        ["call with wrong arguments"] = (() => new TorchFile().Proto().Global("torch._utils", "_rebuild_tensor_v2").Op(')').Op('R').Op('.'), "RebuildTensor with arguments"),
        ["build on a list"] = (() => new TorchFile().Proto().Op(']').Op('}').Op('b').Op('.'), "BUILD"),
        ["persistent id of text"] = (() => new TorchFile().Proto().Text("id").Op('Q').Op('.'), "persistent id"),
        ["storage of a function"] = (() => new TorchFile().Proto().Op('(').Text("storage").Global("collections", "OrderedDict").Text("0").Text("cpu").Int(1).Op('t').Op('Q').Op('.'), "OrderedDict as the type of a storage"),
        ["a list at the top"] = (() => new TorchFile().Proto().Op(']').Op('.'), "not a dict of tensors"),
        ["a number as a key"] = (() => new TorchFile().Proto().Op('}').Op((byte)'K', 1).Op('N').Op('s').Op('.'), "key 0 of the checkpoint is not a string"),
        ["a dict in the dict"] = (() => new TorchFile().Proto().Op('}').Text("k").Op('}').Op('s').Op('.'), "\"k\" is not a tensor"),
        ["a size that is text"] = (() => new TorchFile().Proto().Global("torch._utils", "_rebuild_tensor_v2").Op('(').Storage("0", "FloatStorage", 1).Int(0).Text("1").Op(0x85).Sizes(1).Op(0x89).OrderedDict().Op('t').Op('R').Op('.'), "a size that is not an integer"),
        ["big-endian"] = (() => TorchFile.Floats(("a", [1])).Entry("byteorder", "big"u8.ToArray()), "little-endian"),
        ["one name twice"] = (() => TorchFile.Floats(("a", [1]), ("a", [1])), "\"a\" appears twice"),
        ["no data.pkl"] = (() => new TorchFile { HasPickle = false }.Entry("version", "3"u8.ToArray()), "no data.pkl"),
        ["pickle over the limit"] = (() => new TorchFile().Proto().Op(new byte[9 << 20]), "over the limit"),
    };

    [Theory]
    [MemberData(nameof(BadPickles))]
    public void Each_malformed_pickle_gives_one_clear_error(string name)
    {
        var (file, fragment) = s_badPickles[name];
        Assert.Contains(fragment, Refusal(file()), StringComparison.Ordinal);
    }

    public static TheoryData<long, long, long[], long[], string> BadViews => new()
    {
        { 4, 0, [5], [1], "reaches outside" },
        { 4, 1, [4], [1], "reaches outside" },
        { 4, -1, [4], [1], "reaches outside" },
        { 4, long.MaxValue, [4], [1], "reaches outside" },
        { 4, 0, [2, 2], [4, 1], "reaches outside" },
        { 4, 0, [2], [long.MaxValue], "reaches outside" },
        { 4, 0, [3, 3], [long.MaxValue, long.MaxValue], "reaches outside" },
        { 4, 0, [-1], [1], "size -1" },
        { 4, 0, [4], [-1], "stride -1" },
        { 4, 0, [4], [1, 1], "1 sizes and 2 strides" },
        { 4, 0, [1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1], "9 sizes" },
        { 4, 0, [1L << 40], [0], "too many" },
        { 4, 0, [1L << 32, 1L << 32], [0, 0], "too many" },
        { 4, 0, [1L << 20, 65], [0, 0], "too many" },
        { 5, 0, [4], [1], "has 16 bytes where 5 values" },
        { 1L << 61, 0, [4], [1], "has 16 bytes" },
        { -4, 0, [4], [1], "reaches outside" },
    };

    [Theory]
    [MemberData(nameof(BadViews))]
    public void Views_that_do_not_fit_are_refused_before_anything_is_allocated(long storageLength, long offset, long[] shape, long[] strides, string fragment)
    {
        var path = new TorchFile().Proto().Op('}').Text("w").Tensor("0", "FloatStorage", storageLength, offset, shape, strides).Op('s').Op('.')
            .Entry("data/0", new byte[16]).Save(_folder.File("bad.pt"));

        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<GgufException>(() => TorchCheckpoint.Load(path));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Contains(fragment, error.Message, StringComparison.Ordinal);
        Assert.Contains("\"w\"", error.Message, StringComparison.Ordinal);
        Assert.True(allocated < 1 << 20, $"{allocated} bytes were allocated.");
    }

    [Fact]
    public void A_missing_storage_is_named()
    {
        var file = new TorchFile().Proto().Op('}').Text("w").Tensor("7", "FloatStorage", 4, 0, [4], [1]).Op('s').Op('.');
        Assert.Contains("\"data/7\" of \"w\" is missing", Refusal(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Compressed_entries_are_read_and_a_bomb_is_not_unpacked()
    {
        var good = TorchCheckpoint.Load(TorchFile.Floats(("a", [1, 2, 3])).Save(_folder.File("small.pt"), CompressionLevel.SmallestSize));
        Assert.Equal([1, 2, 3], good.Tensors[0].Values.ToArray());

        // 64 MiB of zeros in a few KiB, for a tensor of 4 values; and a storage that says it has them all.
        var bomb = new TorchFile().Proto().Op('}').Text("w").Tensor("0", "FloatStorage", 4, 0, [4], [1]).Op('s').Op('.')
            .Entry("data/0", new byte[64 << 20]).Save(_folder.File("bomb.pt"), CompressionLevel.Fastest);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<GgufException>(() => TorchCheckpoint.Load(bomb));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    public void A_flipped_bit_in_the_values_is_noticed()
    {
        var path = TorchFile.Floats(("a", [1234.5f, 6])).Save(_folder.File("flip.pt"));
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().IndexOf(BitConverter.GetBytes(1234.5f))] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("\"archive/data/0\" is damaged", Assert.Throws<GgufException>(() => TorchCheckpoint.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_are_no_zip_are_refused()
    {
        var path = _folder.File("legacy.pt");
        File.WriteAllBytes(path, [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, (byte)'.']);
        Assert.Contains("PyTorch 1.6", Assert.Throws<GgufException>(() => TorchCheckpoint.Load(path)).Message, StringComparison.Ordinal);
        Assert.Throws<GgufException>(() => TorchCheckpoint.Load(_folder.File("absent.pt")));
        Assert.Throws<GgufException>(() => TorchCheckpoint.Load(_folder.Path));
    }

    [Fact]
    public void Random_damage_gives_an_error_or_a_checkpoint_and_nothing_else()
    {
        var valid = File.ReadAllBytes(Fixtures.Path("policy_params.pt"));
        var path = _folder.File("fuzz.pt");
        var random = new Random(20260802);
        var refused = 0;
        for (var round = 0; round < 1000; round++)
        {
            var bytes = valid.ToArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(path, random.Next(8) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                TorchCheckpoint.Load(path);
            }
            catch (GgufException)
            {
                refused++;
            }
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 4 << 20, $"Round {round} allocated {allocated} bytes.");
        }
        Assert.InRange(refused, 250, 999);
    }

    [Fact]
    public void Random_instructions_give_an_error_or_a_checkpoint_and_nothing_else()
    {
        // Damage to the whole file mostly breaks the zip's checksums; here the zip is right and the pickle is not.
        var valid = PickleOf(Fixtures.Path("policy_params.pt"));
        var random = new Random(20260803);
        for (var round = 0; round < 2000; round++)
        {
            var bytes = valid.ToArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            var path = new TorchFile().Op(bytes).Entry("data/0", new byte[12]).Save(_folder.File("fuzz.pt"));
            try
            {
                TorchCheckpoint.Load(path);
            }
            catch (GgufException)
            {
            }
            File.Delete(path);
        }
    }

    private static byte[] PickleOf(string path)
    {
        using var zip = ZipFile.OpenRead(path);
        using var stream = zip.Entries.Single(entry => entry.Name == "data.pkl").Open();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    private string Refusal(TorchFile file)
    {
        var path = file.Save(_folder.File("bad.pt"), CompressionLevel.Fastest);
        var error = Assert.Throws<GgufException>(() => TorchCheckpoint.Load(path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        return error.Message;
    }

    private static float[] Floats(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetSingle())];
}
