using System.Runtime.CompilerServices;

namespace T2.Llama.Tests;

public sealed class LlamaAbiTests
{
    private static byte[] KnownModel => Probe(LlamaAbi.KnownDefaults(LlamaModelParams.Defaults), LlamaModelParams.IsPadding);

    private static byte[] KnownContext => Probe(LlamaAbi.KnownDefaults(LlamaContextParams.Defaults), LlamaContextParams.IsPadding);

    [Fact]
    public void Structs_have_the_sizes_of_the_known_version()
    {
        Assert.Equal(80, Unsafe.SizeOf<LlamaModelParams>());
        Assert.Equal(160, Unsafe.SizeOf<LlamaContextParams>());
        Assert.Equal(56, Unsafe.SizeOf<LlamaBatchStruct>());
        Assert.Equal(32, Unsafe.SizeOf<LlamaTokenDataArray>());
        Assert.Equal(56, Unsafe.SizeOf<GgmlTypeTraits>());
    }

    [Fact]
    public void The_pinned_library_passes()
    {
        LlamaLibrary library = LlamaLibrary.Load();
        LlamaAbi.Verify(library.LlamaHandle, library.LlamaPath);
        Assert.StartsWith("0.5.0", library.Version, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_known_layout_passes(bool sizeIsVisible) => Assert.Null(LlamaAbi.Mismatch(KnownModel, KnownContext, sizeIsVisible));

    [Fact]
    public void Padding_does_not_count()
    {
        byte[] model = KnownModel;
        model[36] = 7;
        model[79] = 7;
        Assert.Null(LlamaAbi.Mismatch(model, KnownContext, sizeIsVisible: true));
    }

    [Fact]
    public void Every_byte_of_a_field_counts()
    {
        for (int i = 0; i < 80; i++)
        {
            byte[] model = KnownModel;
            model[i] ^= 1;
            Assert.Equal(LlamaModelParams.IsPadding(i), LlamaAbi.Mismatch(model, KnownContext, sizeIsVisible: true) is null);
        }

        for (int i = 0; i < 160; i++)
        {
            byte[] context = KnownContext;
            context[i] ^= 1;
            Assert.Equal(LlamaContextParams.IsPadding(i), LlamaAbi.Mismatch(KnownModel, context, sizeIsVisible: true) is null);
        }
    }

    [Fact]
    public void A_longer_struct_is_refused_even_if_its_beginning_is_the_known_one()
    {
        byte[] context = KnownContext;
        context.AsSpan(160, 8).Clear();

        string? problem = LlamaAbi.Mismatch(KnownModel, context, sizeIsVisible: true);

        Assert.Equal("model params 80 bytes, context params 168 bytes; context params differ at byte 160, past the known end", problem);
    }

    [Fact]
    public void A_shorter_struct_is_refused()
    {
        byte[] context = KnownContext;
        context.AsSpan(152, 8).Fill(LlamaAbi.Poison);

        Assert.Contains("context params 152 bytes", LlamaAbi.Mismatch(KnownModel, context, sizeIsVisible: true), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(OtherVersions))]
    public void Layouts_of_other_months_are_refused_and_their_sizes_named(string month, byte[] model, byte[] context, string sizes)
    {
        string? problem = LlamaAbi.Mismatch(Probe(model), Probe(context), sizeIsVisible: true);
        Assert.StartsWith(sizes, problem, StringComparison.Ordinal);
        // Where the size cannot be seen the values alone have to tell.
        Assert.NotNull(LlamaAbi.Mismatch(Probe(model), Probe(context), sizeIsVisible: false));
        Assert.NotEmpty(month);
    }

    /// <summary>Defaults as earlier and later versions lay them out; sizes as measured on those builds.</summary>
    public static TheoryData<string, byte[], byte[], string> OtherVersions()
    {
        byte[] flags7 = [0, 1, 0, 0, 1, 0, 0, 0];
        byte[] flags8 = [0, 1, 0, 0, 0, 1, 0, 0];
        byte[] loadMode = [0, 0, 1, 0, 0, 0, 0, 0];
        return new TheoryData<string, byte[], byte[], string>
        {
            { "2025-12", Model72(flags7), Context(recurrent: false, samplers: false, outputs: 0), "model params 72 bytes, context params 120 bytes" },
            { "2026-01", Model72(flags8), Context(recurrent: false, samplers: true, outputs: 0), "model params 72 bytes, context params 136 bytes" },
            { "2026-05", Model72(flags8), Context(recurrent: true, samplers: true, outputs: 0), "model params 72 bytes, context params 144 bytes" },
            { "2026-08", Model72(loadMode), Context(recurrent: true, samplers: true, outputs: 2), "model params 72 bytes, context params 152 bytes" },
            { "v0.7.0", LlamaAbi.KnownDefaults(LlamaModelParams.Defaults), WithCacheSizeAfterTypeV(), "model params 80 bytes, context params 168 bytes" },
        };
    }

    private static byte[] Model72(byte[] flags) =>
    [
        .. new byte[16], .. Ints(-1, 1, 0, 0), .. new byte[32], .. flags,
    ];

    private static byte[] Context(bool recurrent, bool samplers, int outputs)
    {
        List<int> head = [512, 2048, 512, 1];
        if (recurrent)
            head.Add(0);
        head.AddRange(Enumerable.Repeat(0, outputs));
        head.AddRange([4, 4]);
        if (recurrent)
            head.Add(0);
        head.AddRange([-1, -1, -1, -1]);
        byte[] floats = [.. new float[] { 0, 0, -1, -1, -1, -1 }.SelectMany(BitConverter.GetBytes), .. Ints(0), .. BitConverter.GetBytes(-1f)];
        List<byte> bytes = [.. Ints([.. head]), .. floats];
        while (bytes.Count % 8 != 0)
            bytes.Add(LlamaAbi.Poison);
        bytes.AddRange([.. new byte[16], .. Ints(1, 1), .. new byte[16], 0, 1, 1, 1, 1, 0, LlamaAbi.Poison, LlamaAbi.Poison]);
        if (samplers)
            bytes.AddRange(new byte[16]);
        return [.. bytes];
    }

    private static byte[] WithCacheSizeAfterTypeV()
    {
        byte[] known = LlamaAbi.KnownDefaults(LlamaContextParams.Defaults);
        return [.. known[..112], .. new byte[8], .. known[112..]];
    }

    private static byte[] Ints(params int[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    private static byte[] Probe(byte[] defaults, Func<int, bool>? isPadding = null)
    {
        byte[] probe = new byte[512];
        probe.AsSpan().Fill(LlamaAbi.Poison);
        for (int i = 0; i < defaults.Length; i++)
        {
            if (isPadding is null || !isPadding(i))
                probe[i] = defaults[i];
        }

        return probe;
    }
}
