using T2.Gguf.Experts;

namespace T2.Runtime.Tests.Weights;

[Collection(ModelCollection.Name)]
public sealed class PreparedFileTests(ModelFixture models)
{
    [Theory]
    [MemberData(nameof(TestModels.Loadings), MemberType = typeof(TestModels))]
    public async Task An_expert_from_a_file_is_the_rebuilt_one_bit_for_bit(Loading loading)
    {
        string folder = models.File($"prepared-{Guid.NewGuid():N}");
        float[] rebuilt, fresh;
        await using (var model = await LoadAsync(loading, folder))
        {
            fresh = TestModels.Logits(model);
            var report = await model.ApplyAsync(Math(model));
            Assert.Equal(report.Weights, report.Rebuilt);
            Assert.Null(report.Note);
            rebuilt = TestModels.Logits(model);
        }
        Assert.Single(Directory.GetFiles(folder));

        await using (var model = await LoadAsync(loading, folder))
        {
            var report = await model.ApplyAsync(Math(model));
            Assert.Equal((report.Weights, 0), (report.Loaded, report.Rebuilt));
            TestModels.AssertSameBits(rebuilt, TestModels.Logits(model));
            await model.ApplyAsync(TestModels.RandomExpert(model, "other", 8));
            await model.ApplyAsync(Math(model));
            TestModels.AssertSameBits(rebuilt, TestModels.Logits(model));
            await model.ResetAsync();
            TestModels.AssertPristine(model);
            TestModels.AssertSameBits(fresh, TestModels.Logits(model));
        }
        // Other vectors are another expert, whatever its name.
        await using (var model = await LoadAsync(loading, folder))
        {
            var report = await model.ApplyAsync(TestModels.RandomExpert(model, "math", 99));
            Assert.Equal((0, report.Weights), (report.Loaded, report.Rebuilt));
        }
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("weights", "checksum")]
    [InlineData("truncated", "")]
    [InlineData("renamed", "another base, expert or kernel")]
    [InlineData("empty", "empty")]
    public async Task A_damaged_file_is_refused_by_name_and_written_anew(string damage, string says)
    {
        var loading = TestModels.AllLoadings[0];
        string folder = models.File($"prepared-{Guid.NewGuid():N}");
        float[] rebuilt;
        await using (var model = await LoadAsync(loading, folder))
        {
            await model.ApplyAsync(Math(model));
            rebuilt = TestModels.Logits(model);
            if (damage == "renamed")
                await model.ApplyAsync(TestModels.RandomExpert(model, "other", 8));
        }
        string[] files = Directory.GetFiles(folder);
        string path = files[0];
        byte[] bytes = await File.ReadAllBytesAsync(path);
        switch (damage)
        {
            case "weights":
                bytes[bytes.Length / 2] ^= 1;
                await File.WriteAllBytesAsync(path, bytes);
                break;
            case "truncated":
                await File.WriteAllBytesAsync(path, bytes[..(bytes.Length / 3)]);
                break;
            case "renamed":
                await File.WriteAllBytesAsync(files[0], await File.ReadAllBytesAsync(files[1]));
                await File.WriteAllBytesAsync(files[1], bytes);
                break;
            default:
                await File.WriteAllBytesAsync(path, []);
                break;
        }

        await using (var model = await LoadAsync(loading, folder))
        {
            var report = await model.ApplyAsync(Math(model));
            Assert.Equal((0, report.Weights), (report.Loaded, report.Rebuilt));
            Assert.Contains(".t2prepared", report.Note, StringComparison.Ordinal);
            Assert.Contains(says, report.Note, StringComparison.Ordinal);
            TestModels.AssertSameBits(rebuilt, TestModels.Logits(model));
        }
        await using (var model = await LoadAsync(loading, folder))
            Assert.Equal(0, (await model.ApplyAsync(Math(model))).Rebuilt);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_costs_the_file_and_not_the_expert()
    {
        string notAFolder = models.File($"file-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(notAFolder, "");
        await using var model = await LoadAsync(TestModels.AllLoadings[0], notAFolder);
        var report = await model.ApplyAsync(Math(model));
        Assert.Equal(report.Weights, report.Rebuilt);
        Assert.Contains("could not be written", report.Note, StringComparison.Ordinal);
        Assert.NotNull(model.CurrentExpert);
    }

    private static Expert Math(AdaptiveModel model) => TestModels.RandomExpert(model, "math", 3);

    private Task<AdaptiveModel> LoadAsync(Loading loading, string folder) =>
        AdaptiveModel.LoadAsync(models.Model(loading.Types), loading.Options with { PreparedDirectory = folder, PreparedBytes = 0 });
}
