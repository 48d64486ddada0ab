namespace T2.Gguf.Tests.Quantization;

/// <summary>Comparisons that say which block or value differs.</summary>
internal static class Check
{
    public static void SameBytes(byte[] expected, byte[] actual, TensorType type, string what)
    {
        var at = expected.AsSpan().CommonPrefixLength(actual);
        if (at == expected.Length && at == actual.Length)
            return;
        var size = TensorTypes.Info(type).BlockBytes;
        var block = at / size;
        Assert.Fail($"{type}, {what}: byte {at % size} of block {block} differs.\nexpected {Hex(expected)}\nactual   {Hex(actual)}");

        string Hex(byte[] all) => Convert.ToHexString(all.AsSpan(block * size, Math.Min(size, all.Length - block * size)));
    }

    /// <summary>Bit for bit, but any NaN equals any other where arithmetic made it: which of two payloads survives an addition is the compiler's choice.</summary>
    public static void SameValues(float[] expected, float[] actual, TensorType type, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var anyNaN = TensorTypes.Info(type).BlockLength > 1;
        for (var i = 0; i < expected.Length; i++)
        {
            var same = BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]);
            if (!same && !(anyNaN && float.IsNaN(expected[i]) && float.IsNaN(actual[i])))
                Assert.Fail($"{type}, {what}: value {i} is {actual[i]:R}, expected {expected[i]:R} ({BitConverter.SingleToInt32Bits(expected[i]):X8}).");
        }
    }
}
