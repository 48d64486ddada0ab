using T2.TestKit;

namespace T2.Gguf.Tests.Container;

public class MalformedGgufTests
{
    private static readonly Dictionary<string, (byte[] Bytes, string Fragment)> s_files =
        MalformedGguf.All().ToDictionary(file => file.Name, file => (file.Bytes, file.ExpectedFragment));

    public static TheoryData<string> Names => new(s_files.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_malformed_file_gives_one_clear_error(string name)
    {
        var (bytes, fragment) = s_files[name];
        using var folder = new TempFolder();
        var path = folder.File("bad.gguf");
        File.WriteAllBytes(path, bytes);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<GgufException>(() => GgufFile.Open(path));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Contains(fragment, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Equal(path, error.FilePath);
        Assert.True(allocated < 1 << 20, $"{allocated} bytes were allocated for a file of {bytes.Length}.");
        if (error.Offset is { } offset)
            Assert.InRange(offset, 0, bytes.Length);
    }

    [Fact]
    public void The_valid_file_of_the_corpus_is_valid()
    {
        using var folder = new TempFolder();
        var path = folder.File("good.gguf");
        File.WriteAllBytes(path, MalformedGguf.Valid());

        using var file = GgufFile.Open(path);

        Assert.Equal("llama", file.Architecture);
        Assert.Equal(["<s>", "é", ""], file.Metadata.GetStrings("tokens"));
        Assert.Equal([1, 1, 1], file.GetData(file.Tensors[0])[..3].ToArray());
        Assert.Equal(Enumerable.Repeat((byte)2, 36), file.GetData(file.Tensors[1]).ToArray());
    }

    [Fact]
    public void A_valid_file_cut_anywhere_is_refused()
    {
        using var folder = new TempFolder();
        var path = folder.File("cut.gguf");
        var valid = MalformedGguf.Valid();
        for (var length = 0; length < valid.Length; length++)
        {
            File.WriteAllBytes(path, valid.AsSpan(0, length));
            Assert.Throws<GgufException>(() => GgufFile.Open(path));
        }
    }

    [Fact]
    public void Random_damage_gives_an_error_or_a_readable_file_and_nothing_else()
    {
        using var folder = new TempFolder();
        var path = folder.File("fuzz.gguf");
        var random = new Random(20260801);
        var refused = 0;
        for (var round = 0; round < 3000; round++)
        {
            var bytes = Damage(MalformedGguf.Valid(), random);
            File.WriteAllBytes(path, bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var file = GgufFile.Open(path);
                ReadEverything(file);
            }
            catch (GgufException)
            {
                refused++;
            }
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 1 << 20, $"Round {round} allocated {allocated} bytes for a file of {bytes.Length}.");
        }
        // Both outcomes must occur, or the damage is too light or too heavy to test anything.
        Assert.InRange(refused, 750, 2900);
    }

    private static byte[] Damage(byte[] bytes, Random random)
    {
        ReadOnlySpan<ulong> nasty = [0, 1, 31, 33, 1UL << 31, uint.MaxValue, 1UL << 32, 1UL << 40, 1UL << 61, long.MaxValue, 1UL << 63, ulong.MaxValue, ulong.MaxValue - 31];
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            var at = random.Next(bytes.Length - 8);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    BitConverter.TryWriteBytes(bytes.AsSpan(at), nasty[random.Next(nasty.Length)]);
                    break;
                case 3:
                    BitConverter.TryWriteBytes(bytes.AsSpan(at), (uint)nasty[random.Next(nasty.Length)]);
                    break;
                case 4:
                    bytes = [.. bytes[..at], .. bytes[(at + random.Next(1, 8))..]];
                    break;
                default:
                    bytes = [.. bytes[..at], .. bytes[at..(at + 8)], .. bytes[at..]];
                    break;
            }
            if (bytes.Length < 16)
                break;
        }
        return bytes;
    }

    private static void ReadEverything(GgufFile file)
    {
        var sum = 0;
        foreach (var tensor in file.Tensors)
        {
            foreach (var value in file.GetData(tensor))
                sum += value;
        }
        foreach (var (key, value) in file.Metadata)
        {
            sum += key.Length + value.ToString().Length + value.GetHashCode();
            if (value.TryGetStrings(out var strings))
                sum += strings.Sum(text => text.Length);
        }
        GC.KeepAlive(sum);
    }
}
