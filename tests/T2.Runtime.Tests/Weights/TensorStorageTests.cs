using T2.Gguf;
using T2.Weights;

namespace T2.Runtime.Tests.Weights;

public sealed class TensorStorageTests
{
    [Theory]
    [InlineData("CPU_Mapped", true, TensorStorage.Mapped)]
    [InlineData("CPU", true, TensorStorage.Host)]
    [InlineData("CUDA_Host", true, TensorStorage.Host)]
    [InlineData("CPU_REPACK", false, TensorStorage.Repacked)]
    [InlineData("CPU_KLEIDIAI", false, TensorStorage.Repacked)]
    [InlineData("AMX", false, TensorStorage.Repacked)]
    [InlineData("CUDA0", false, TensorStorage.Device)]
    [InlineData("Vulkan1", false, TensorStorage.Device)]
    public void A_known_buffer_has_its_storage(string buffer, bool isHost, TensorStorage expected) =>
        Assert.Equal(expected, TensorStorageRules.Classify(buffer, isHost, out _));

    [Theory]
    [InlineData("CUDA0_Split", "split")]
    [InlineData("CUDA_Split", "split")]
    [InlineData("Meta(CUDA0,CUDA1)", "split")]
    [InlineData("Quantum0", "unknown")]
    public void Split_and_unknown_buffers_are_refused_with_a_reason(string buffer, string says)
    {
        Assert.Null(TensorStorageRules.Classify(buffer, isHost: false, out string? reason));
        Assert.Contains(says, reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SYCL0", TensorType.Q4_K, true)]
    [InlineData("OpenCL", TensorType.Q4_0, true)]
    [InlineData("SYCL0", TensorType.F16, false)]
    [InlineData("CUDA0", TensorType.Q4_K, false)]
    [InlineData("Vulkan0", TensorType.Q4_0, false)]
    public void Quantised_weights_are_refused_where_the_back_end_rearranges_them(string buffer, TensorType type, bool isRefused) =>
        Assert.Equal(isRefused, TensorStorageRules.RefusalOf(buffer, type) is not null);
}
