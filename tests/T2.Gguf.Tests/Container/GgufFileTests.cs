using System.Runtime.Versioning;
using T2.TestKit;

namespace T2.Gguf.Tests.Container;

public sealed class GgufFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_missing_file_a_directory_and_a_missing_folder_are_named()
    {
        Assert.Contains("no such file", Refusal(_folder.File("absent.gguf")), StringComparison.Ordinal);
        Assert.Contains("no such file", Refusal(Path.Combine(_folder.Path, "absent", "model.gguf")), StringComparison.Ordinal);
        Assert.Contains("is a directory", Refusal(_folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_below_a_file_is_no_file()
    {
        File.WriteAllText(_folder.File("plain"), "x");
        Assert.Contains("no such file", Refusal(Path.Combine(_folder.File("plain"), "model.gguf")), StringComparison.Ordinal);
    }

    [SkippableFact]
    [UnsupportedOSPlatform("windows")]
    public async Task A_pipe_is_refused_without_waiting_for_a_writer()
    {
        Skip.If(OperatingSystem.IsWindows(), "No FIFOs in Windows' file system.");
        var pipe = _folder.File("pipe.gguf");
        var made = await TestProcess.RunAsync("mkfifo", [pipe]);
        Assert.True(made.ExitCode == 0, made.ToString());

        var opening = Task.Run(() => Refusal(pipe));

        // Only a hang ends in the time limit; the answer itself comes at once.
        Assert.Contains("not a regular file", await opening.WaitAsync(TimeSpan.FromSeconds(20)), StringComparison.Ordinal);
    }

    [SkippableFact]
    [UnsupportedOSPlatform("windows")]
    public void A_file_without_read_permission_is_refused()
    {
        Skip.If(OperatingSystem.IsWindows(), "Unix permissions.");
        Skip.If(Environment.IsPrivilegedProcess, "The superuser may read everything.");
        var path = WriteValid();
        File.SetUnixFileMode(path, UnixFileMode.UserWrite);
        Assert.Contains("permission denied", Refusal(path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_with_a_zero_character_is_not_cut_short()
    {
        var path = WriteValid();
        Assert.Throws<ArgumentException>(() => GgufFile.Open(path + "\0.bak"));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(100_000)]
    public void Metadata_outlive_the_file(int count)
    {
        int[] numbers = [.. Enumerable.Range(0, count)];
        string[] words = [.. numbers.Select(static number => $"word {number}")];
        var path = _folder.File($"{count}.gguf");
        var writer = new GgufWriter();
        writer.SetMetadata("numbers", GgufValue.FromArray(numbers));
        writer.SetMetadata("words", GgufValue.FromStrings(words));
        writer.WriteTo(path);

        var file = GgufFile.Open(path);
        Assert.True(file.Metadata["numbers"].TryGetArray<int>(out var open));
        Assert.True(open.SequenceEqual(numbers));
        file.Dispose();
        File.Delete(path);

        Assert.True(file.Metadata["numbers"].TryGetArray<int>(out var closed));
        Assert.True(closed.SequenceEqual(numbers));
        Assert.Equal(words, file.Metadata.GetStrings("words"));
    }

    [Fact]
    public void Data_cannot_be_reached_after_dispose()
    {
        var file = GgufFile.Open(WriteValid());
        var tensor = file.Tensors[0];
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.GetData(tensor).Length);
        Assert.Throws<ObjectDisposedException>(() => WeightFingerprint.Compute(file));
        Assert.Equal("llama", file.Architecture);
    }

    [Fact]
    public void A_tensor_that_lies_outside_the_file_is_refused()
    {
        using var file = GgufFile.Open(WriteValid());
        var tensor = file.Tensors[0];
        Assert.Throws<ArgumentException>(() => file.GetData(tensor with { Offset = file.Length }).Length);
        Assert.Throws<ArgumentException>(() => file.GetData(tensor with { Offset = -1 }).Length);
        Assert.Throws<ArgumentException>(() => file.GetData(tensor with { ByteLength = long.MaxValue }).Length);
    }

    [Fact]
    public unsafe void A_tensor_over_2_GiB_is_read_through_its_pointer()
    {
        // A sparse file: 3 GiB long, a few blocks on disk.
        const long Length = 3L << 30;
        var path = _folder.File("large.gguf");
        var head = new GgufBytes().Header(1, 0).Tensor("large", [(ulong)Length], (uint)TensorType.I8, 0).PadTo().ToArray();
        using (var stream = File.Create(path))
        {
            stream.Write(head);
            stream.SetLength(head.Length + Length);
            stream.Seek(-1, SeekOrigin.End);
            stream.WriteByte(42);
        }

        using var file = GgufFile.Open(path);
        var tensor = Assert.Single(file.Tensors);

        Assert.Equal(Length, tensor.ByteLength);
        Assert.Equal(42, file.GetPointer(tensor)[Length - 1]);
        var error = Assert.Throws<ArgumentException>(() => file.GetData(tensor).Length);
        Assert.Contains("GetPointer", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_and_mistyped_metadata_are_named()
    {
        using var file = GgufFile.Open(WriteValid());
        Assert.Contains("\"absent\" is missing", Assert.Throws<GgufException>(() => file.Metadata.GetString("absent")).Message, StringComparison.Ordinal);
        var error = Assert.Throws<GgufException>(() => file.Metadata.GetString("big"));
        Assert.Contains("\"big\" should be a string but is u64", error.Message, StringComparison.Ordinal);
        Assert.Contains(file.Path, error.Message, StringComparison.Ordinal);
        Assert.Throws<GgufException>(() => file.Metadata.GetUInt32("big"));
        Assert.Equal(1UL << 40, file.Metadata.GetUInt64("big"));
        Assert.False(file.Metadata.TryGetString("flag", out _));
        Assert.True(file.Metadata.GetBool("flag"));
    }

    [Fact]
    public void Tensors_are_found_by_exact_name()
    {
        using var file = GgufFile.Open(WriteValid());
        Assert.True(file.TryGetTensor("b.weight", out var tensor));
        Assert.Equal([32L, 2L], tensor.Dimensions);
        Assert.Equal(TensorType.Q4_0, tensor.Type);
        Assert.Equal(64, tensor.ElementCount);
        Assert.Equal(2, tensor.RowCount);
        Assert.Equal(32, tensor.RowLength);
        Assert.False(file.TryGetTensor("B.weight", out _));
    }

    private string WriteValid()
    {
        var path = _folder.File("valid.gguf");
        File.WriteAllBytes(path, MalformedGguf.Valid());
        return path;
    }

    private static string Refusal(string path) => Assert.Throws<GgufException>(() => GgufFile.Open(path)).Message;
}
