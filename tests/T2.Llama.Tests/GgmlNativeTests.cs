using System.Runtime.InteropServices;

namespace T2.Llama.Tests;

public sealed unsafe class GgmlNativeTests
{
    private const int Q8_0 = 8;

    public GgmlNativeTests() => LlamaLibrary.Load();

    [Fact]
    public void Traits_describe_a_type()
    {
        GgmlTypeTraits* traits = GgmlNative.ggml_get_type_traits(Q8_0);
        Assert.Equal("q8_0", Marshal.PtrToStringUTF8((nint)traits->TypeName));
        Assert.Equal((32L, 34u, (byte)1), (traits->BlockSize, (uint)traits->TypeSize, traits->IsQuantized));
        Assert.Equal(2u * 34, (uint)GgmlNative.ggml_row_size(Q8_0, 64));
        Assert.NotEmpty(Marshal.PtrToStringUTF8((nint)GgmlNative.ggml_version())!);
    }

    [Fact]
    public void Quantising_and_reading_back_stays_within_half_a_step()
    {
        float[] source = [.. Enumerable.Range(0, 128).Select(i => MathF.Sin(i))];
        byte[] quantised = new byte[(int)GgmlNative.ggml_row_size(Q8_0, 64) * 2];
        float[] back = new float[128];
        fixed (float* from = source, to = back)
        fixed (byte* blocks = quantised)
        {
            Assert.Equal(quantised.Length, (int)GgmlNative.ggml_quantize_chunk(Q8_0, from, blocks, 0, 2, 64, null));
            GgmlNative.ggml_get_type_traits(Q8_0)->ToFloat(blocks, to, 128);
        }

        for (int i = 0; i < source.Length; i++)
            Assert.Equal(source[i], back[i], 0.5f / 127 + 1e-3f);
    }

    [Fact]
    public void The_processor_is_a_device()
    {
        Assert.True(GgmlNative.ggml_backend_dev_count() >= 1);
        nint device = GgmlNative.ggml_backend_dev_by_type(0);
        Assert.NotEqual(0, device);
        Assert.Equal("CPU", Marshal.PtrToStringUTF8((nint)GgmlNative.ggml_backend_dev_name(device)));
    }
}
