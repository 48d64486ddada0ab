using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace T2.Kernels.Tests;

public class FactorStoreDamageTests
{
    [Fact]
    public void A_damaged_matrix_is_named_when_it_is_first_used_and_the_others_still_serve()
    {
        using var model = new TinyModel();
        foreach (var first in (bool[])[true, false])
        {
            FactorEntry damaged;
            using (var store = model.Store())
                damaged = store.Entries.ElementAt(3);
            Flip(model.StorePath, first ? damaged.Offset : damaged.Offset + damaged.ByteLength - 1);

            using (var store = FactorStore.TryOpen(model.StorePath, model.Fingerprint)!)
            {
                foreach (var name in store.WeightNames.Where(name => name != damaged.WeightName))
                    Assert.True(store.TryGet(name, out _));
                var error = Assert.Throws<FactorStoreException>(() => store.TryGet(damaged.WeightName, out _));
                Assert.Equal(model.StorePath, error.FilePath);
                Assert.Contains(model.StorePath, error.Message, StringComparison.Ordinal);
                Assert.Contains(damaged.WeightName, error.Message, StringComparison.Ordinal);
                Assert.Contains("Delete it", error.Message, StringComparison.Ordinal);
                Assert.Contains(damaged.WeightName, Assert.Throws<FactorStoreException>(() => store.Verify()).Message, StringComparison.Ordinal);
            }
            File.Delete(model.StorePath);
        }
    }

    [Fact]
    public void A_damaged_matrix_is_not_copied_into_an_extended_file()
    {
        using var model = new TinyModel();
        long offset;
        using (var store = model.Store(weights: [model.Weights[0], model.Weights[1]]))
            offset = store.Entries.ElementAt(1).Offset;
        Flip(model.StorePath, offset + 9);
        var error = Assert.Throws<FactorStoreException>(() => model.Store());
        Assert.Contains(model.StorePath, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_damaged_byte_of_the_header_or_the_table_is_noticed_on_opening()
    {
        using var model = new TinyModel();
        model.Store().Dispose();
        var length = new FileInfo(model.StorePath).Length;
        var table = length - (8 * 256);
        foreach (var at in Enumerable.Range(0, 256).Select(static at => (long)at).Concat(Enumerable.Range(0, 8 * 256).Where(static i => i % 7 == 0).Select(i => table + i)))
        {
            Flip(model.StorePath, at);
            Assert.Contains("Delete it", Opening(model).Message, StringComparison.Ordinal);
            Flip(model.StorePath, at);
        }
        FactorStore.TryOpen(model.StorePath, model.Fingerprint)!.Dispose();
    }

    [Fact]
    public void A_file_that_is_cut_off_is_refused_wherever_the_cut_is()
    {
        using var model = new TinyModel();
        model.Store().Dispose();
        var bytes = File.ReadAllBytes(model.StorePath);
        foreach (var length in (int[])[0, 1, 7, 8, 255, 256, 257, 4096, bytes.Length - 256, bytes.Length - 1])
        {
            File.WriteAllBytes(model.StorePath, bytes[..length]);
            Assert.Contains("Delete it", Opening(model).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_partial_file_under_the_final_name_is_refused()
    {
        using var model = new TinyModel();
        model.StoreOnly(5);
        File.Move(model.PartialPath, model.StorePath);
        Assert.Contains("never finished", Opening(model).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_other_weights_is_refused_with_both_fingerprints()
    {
        using var model = new TinyModel();
        using var other = new TinyModel(seed: 100);
        other.Store().Dispose();
        File.Copy(other.StorePath, model.StorePath);
        var kernel = new ProbeKernel();
        var error = Assert.Throws<FactorStoreException>(() => model.Store(kernel));
        Assert.Contains("other weights", error.Message, StringComparison.Ordinal);
        Assert.Contains(model.Fingerprint, error.Message, StringComparison.Ordinal);
        Assert.Contains(other.Fingerprint, error.Message, StringComparison.Ordinal);
        Assert.Equal(0, kernel.Calls);
    }

    [Fact]
    public void A_file_of_another_version_is_refused_with_both_versions()
    {
        using var model = new TinyModel();
        model.Store().Dispose();
        var bytes = File.ReadAllBytes(model.StorePath);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), 2);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(240), XxHash128.HashToUInt128(bytes.AsSpan(0, 240)));
        File.WriteAllBytes(model.StorePath, bytes);
        Assert.Contains("version 2, this build reads 1", Opening(model).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Something_else_under_the_name_is_refused()
    {
        using var model = new TinyModel();
        File.WriteAllText(model.StorePath, new StringBuilder().Insert(0, "not a factor file\n", 100).ToString());
        Assert.Contains("does not begin like a factor file", Opening(model).Message, StringComparison.Ordinal);
        File.Copy(model.File.Path, model.StorePath, overwrite: true);
        Assert.Contains("does not begin like a factor file", Opening(model).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4, -1)]
    [InlineData(4, 0)]
    [InlineData(12, 1)]
    [InlineData(16, -64)]
    [InlineData(16, 1)]
    [InlineData(16, 1 << 30)]
    [InlineData(24, 1)]
    public void A_table_that_is_consistent_but_impossible_is_refused(int field, int value)
    {
        using var model = new TinyModel();
        ChangeFirstRecord(model, field, value);
        Assert.Contains("record 0", Opening(model).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_of_another_shape_than_the_models_is_refused()
    {
        using var model = new TinyModel();
        ChangeFirstRecord(model, field: 4, value: 640);
        var error = Assert.Throws<FactorStoreException>(() => model.Store());
        Assert.Contains("640×32", error.Message, StringComparison.Ordinal);
        Assert.Contains("64×32", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Changes a field of the table's first record and makes its checksum fit again.</summary>
    private static void ChangeFirstRecord(TinyModel model, int field, int value)
    {
        model.Store().Dispose();
        var bytes = File.ReadAllBytes(model.StorePath);
        var table = bytes.AsSpan(bytes.Length - (8 * 256));
        BinaryPrimitives.WriteInt32LittleEndian(table[field..], value);
        BinaryPrimitives.WriteUInt128LittleEndian(table[240..], XxHash128.HashToUInt128(table[..240]));
        File.WriteAllBytes(model.StorePath, bytes);
    }

    private static FactorStoreException Opening(TinyModel model)
    {
        var error = Assert.Throws<FactorStoreException>(() => FactorStore.TryOpen(model.StorePath, model.Fingerprint));
        Assert.Contains(model.StorePath, error.Message, StringComparison.Ordinal);
        // Nor is it silently made anew.
        Assert.Throws<FactorStoreException>(() => model.Store());
        return error;
    }

    private static void Flip(string path, long offset)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = offset;
        var value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 0x10));
    }
}
