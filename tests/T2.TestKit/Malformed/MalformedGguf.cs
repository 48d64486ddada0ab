namespace T2.TestKit;

/// <summary>GGUF files that are wrong in one way each, of the kinds that took other readers down.</summary>
public static class MalformedGguf
{
    private const ulong MinusOne = ulong.MaxValue;
    private const ulong Largest = long.MaxValue;
    private const uint F32 = 0, Q4_0 = 2, Q4_K = 12;

    /// <summary>A small file with nothing wrong: metadata of several types, two tensors, padding between them.</summary>
    public static byte[] Valid() => new GgufBytes().Header(2, 6)
        .KeyText("general.architecture", "llama")
        .KeyUInt32("general.alignment", 32)
        .Key("flag", GgufBytes.Bool).UInt8(1)
        .Key("tokens", GgufBytes.Array).UInt32(GgufBytes.Text).UInt64(3).String("<s>").String("é").String("")
        .Key("scores", GgufBytes.Array).UInt32(GgufBytes.F32).UInt64(3).Fill(12)
        .Key("big", GgufBytes.U64).UInt64(1UL << 40)
        .Tensor("a.weight", [5, 3], F32, 0)
        .Tensor("b.weight", [32, 2], Q4_0, 64)
        .PadTo().Fill(60, 1).PadTo().Fill(36, 2).ToArray();

    /// <summary>Every file, with a name for the test's list and a part of the message that tells what was wrong.</summary>
    public static IEnumerable<(string Name, byte[] Bytes, string ExpectedFragment)> All() =>
        [.. Headers(), .. Truncated(), .. KeyValues(), .. Arrays(), .. Alignments(), .. Names(), .. Shapes(), .. Types(), .. Offsets(), .. Unsupported()];

    private static IEnumerable<(string, byte[], string)> Headers()
    {
        yield return ("empty file", [], "empty");
        yield return ("one byte", "G"u8.ToArray(), "not a GGUF file");
        yield return ("another magic", new GgufBytes().Raw("GGML"u8).Fill(64).ToArray(), "not a GGUF file");
        yield return ("version 0", new GgufBytes().Header(0, 0, 0).ToArray(), "version");
        yield return ("version 1", new GgufBytes().Header(0, 0, 1).ToArray(), "version 1 is obsolete");
        yield return ("version 2", new GgufBytes().Header(0, 0, 2).ToArray(), "version 2 is obsolete");
        yield return ("version 4", new GgufBytes().Header(0, 0, 4).ToArray(), "version 4 is newer");
        yield return ("big-endian", new GgufBytes().Header(0, 0, 0x03000000).ToArray(), "big-endian");
        yield return ("tensor count -1", new GgufBytes().Header(MinusOne, 0).Fill(64).ToArray(), "tensor count is 18446744073709551615");
        yield return ("tensor count 2^63-1", new GgufBytes().Header(Largest, 0).Fill(64).ToArray(), "tensor count is 9223372036854775807");
        yield return ("metadata count -1", new GgufBytes().Header(0, MinusOne).Fill(64).ToArray(), "metadata count is 18446744073709551615");
        yield return ("metadata count 2^63-1", new GgufBytes().Header(0, Largest).Fill(64).ToArray(), "metadata count is 9223372036854775807");
        yield return ("one tensor more than there is", new GgufBytes().Header(2, 0).Tensor("a", [8], F32, 0).PadTo().Fill(64).ToArray(), "the name of tensor 1");
        yield return ("one key more than there is", new GgufBytes().Header(0, 2).KeyUInt32("a", 1).Fill(8).Fill(8).ToArray(), "metadata key 1 is empty");
    }

    private static IEnumerable<(string, byte[], string)> Truncated()
    {
        // One cut in each section of the valid file; that every other cut is refused too is the reader's own test.
        var valid = Valid();
        foreach (var (at, section, fragment) in new[]
        {
            (3, "magic", "not a GGUF file"),
            (6, "version", "ends within the version"),
            (12, "tensor count", "ends within tensor count"),
            (20, "metadata count", "tensor count is 2, but only 4 bytes"),
            (24, "after the header", "tensor count is 2, but only 8 bytes"),
            (valid.Length - 1, "last byte of data", "truncated"),
            (valid.Length - 64, "data of the last tensor", "truncated"),
        })
            yield return ($"cut in {section}", valid[..at], fragment);

        GgufBytes Start() => new GgufBytes().Header(1, 0);
        yield return ("cut in metadata count without tensors", new GgufBytes().Header(0, 0).ToArray()[..20], "ends within metadata count");
        yield return ("cut in key length", new GgufBytes().Header(0, 1).Key("abcdef", GgufBytes.U8).UInt8(1).ToArray()[..28], "metadata count is 1");
        yield return ("cut in key", new GgufBytes().Header(0, 1).UInt64(20).Fill(10, 65).ToArray(), "claims 20 bytes, but only 10");
        yield return ("cut in value type", new GgufBytes().Header(0, 1).String("abcdefgh").Fill(2).ToArray(), "the type of metadata key \"abcdefgh\"");
        yield return ("cut in value", new GgufBytes().Header(0, 1).Key("abcdefgh", GgufBytes.U64).Fill(4).ToArray(), "the value of metadata key \"abcdefgh\"");
        yield return ("cut in string value", new GgufBytes().Header(0, 1).Key("k", GgufBytes.Text).UInt64(9).Fill(8, 65).ToArray(), "claims 9 bytes, but only 8");
        yield return ("cut in array", new GgufBytes().Header(0, 1).Key("k", GgufBytes.Array).UInt32(GgufBytes.U32).UInt64(4).Fill(12).ToArray(), "length of array \"k\" is 4");
        yield return ("cut in string array", new GgufBytes().Header(0, 1).Key("k", GgufBytes.Array).UInt32(GgufBytes.Text).UInt64(2).String("a").Fill(7).ToArray(), "string 1 of array \"k\"");
        yield return ("cut in dimension count", Start().String("a_name_of_some_length_here").Fill(2).ToArray(), "the dimension count of tensor");
        yield return ("cut in shape", Start().String("a_name").UInt32(4).UInt64(1).UInt64(1).Fill(4).ToArray(), "the shape of tensor \"a_name\"");
        yield return ("cut in tensor type", Start().String("a_name_of_some_length").UInt32(1).UInt64(8).Fill(3).ToArray(), "the type of tensor");
        yield return ("cut in offset", Start().String("a_name_of_some_length").UInt32(1).UInt64(8).UInt32(F32).Fill(7).ToArray(), "the offset of tensor");
        yield return ("cut in the padding before the data", Start().Tensor("a", [8], F32, 0).Fill(3).ToArray(), "truncated");
    }

    private static IEnumerable<(string, byte[], string)> KeyValues()
    {
        GgufBytes One() => new GgufBytes().Header(0, 1);
        yield return ("key length 0", One().Key("", GgufBytes.U32).UInt32(1).ToArray(), "key 0 is empty");
        yield return ("key length past the end", One().UInt64(1000).Fill(64, 65).ToArray(), "claims 1000 bytes");
        yield return ("key length -1", One().UInt64(MinusOne).Fill(64, 65).ToArray(), "claims 18446744073709551615 bytes");
        yield return ("key length 2^63-1", One().UInt64(Largest).Fill(64, 65).ToArray(), "claims 9223372036854775807 bytes");
        yield return ("key not UTF-8", One().String([0x61, 0xFF, 0xFE]).UInt32(GgufBytes.U32).UInt32(1).ToArray(), "offset 32: metadata key 0 is not valid UTF-8");
        yield return ("string value not UTF-8", One().Key("k", GgufBytes.Text).String([0xC3, 0x28]).ToArray(), "is not valid UTF-8");
        yield return ("string value of length -1", One().Key("k", GgufBytes.Text).UInt64(MinusOne).Fill(64, 65).ToArray(), "claims 18446744073709551615 bytes");
        yield return ("value of type 13", One().Key("k", 13).Fill(8).ToArray(), "unknown type 13");
        yield return ("value of type -1", One().Key("k", uint.MaxValue).Fill(8).ToArray(), "unknown type 4294967295");
        yield return ("bool of 2", One().Key("k", GgufBytes.Bool).UInt8(2).ToArray(), "holds 2 as a bool");
        yield return ("bool of 255", One().Key("k", GgufBytes.Bool).UInt8(255).ToArray(), "holds 255 as a bool");
        yield return ("duplicate key", new GgufBytes().Header(0, 2).KeyUInt32("k", 1).KeyUInt32("k", 1).ToArray(), "key \"k\" appears twice");
    }

    private static IEnumerable<(string, byte[], string)> Arrays()
    {
        GgufBytes One(uint elementType, ulong count) => new GgufBytes().Header(0, 1).Key("k", GgufBytes.Array).UInt32(elementType).UInt64(count);
        yield return ("array of arrays", One(GgufBytes.Array, 1).UInt32(GgufBytes.U32).UInt64(1).UInt32(1).ToArray(), "array of arrays");
        yield return ("array of type 13", One(13, 1).Fill(8).ToArray(), "unknown element type 13");
        yield return ("array of length -1", One(GgufBytes.U32, MinusOne).Fill(64).ToArray(), "length of array \"k\" is 18446744073709551615");
        yield return ("array of length 2^63-1", One(GgufBytes.U8, Largest).Fill(64).ToArray(), "length of array \"k\" is 9223372036854775807");
        yield return ("array whose size wraps 64 bits", One(GgufBytes.U64, (1UL << 61) + 1).Fill(64).ToArray(), "length of array \"k\" is 2305843009213693953");
        yield return ("string array of length 2^40", One(GgufBytes.Text, 1UL << 40).Fill(64).ToArray(), "length of array \"k\" is 1099511627776");
        yield return ("string array with a string of length 2^63-1", One(GgufBytes.Text, 1).UInt64(Largest).Fill(64).ToArray(), "string 0 of array \"k\" claims");
        yield return ("string array with a string not UTF-8", One(GgufBytes.Text, 2).String("ok").String([0xF0, 0x9F]).ToArray(), "string 1 of array \"k\" is not valid UTF-8");
        yield return ("bool array with a 2", One(GgufBytes.Bool, 3).UInt8(0).UInt8(1).UInt8(2).ToArray(), "holds 2 as a bool");
    }

    private static IEnumerable<(string, byte[], string)> Alignments()
    {
        foreach (var alignment in new uint[] { 0, 3, 48, 1u << 31, uint.MaxValue })
            yield return ($"alignment {alignment}", new GgufBytes().Header(0, 1).KeyUInt32("general.alignment", alignment).ToArray(), $"general.alignment is {alignment}");
        yield return ("alignment as u64", new GgufBytes().Header(0, 1).Key("general.alignment", GgufBytes.U64).UInt64(32).ToArray(), "must be u32 but is u64");
        yield return ("alignment as text", new GgufBytes().Header(0, 1).KeyText("general.alignment", "32").ToArray(), "must be u32 but is str");
        yield return ("alignment as array", new GgufBytes().Header(0, 1).Key("general.alignment", GgufBytes.Array).UInt32(GgufBytes.U32).UInt64(1).UInt32(32).ToArray(), "must be u32 but is arr[u32,1]");
    }

    private static IEnumerable<(string, byte[], string)> Names()
    {
        byte[] Named(ReadOnlySpan<byte> name) => new GgufBytes().Header(1, 0).Tensor(name, [8], F32, 0).PadTo().Fill(32).ToArray();
        yield return ("tensor name empty", Named([]), "name of tensor 0 is empty");
        yield return ("tensor name of 64 bytes", Named(new GgufBytes().Fill(64, 65).ToArray()), "has 64 bytes");
        yield return ("tensor name with a zero byte", Named([65, 0, 66]), "zero byte");
        yield return ("tensor name not UTF-8", Named([65, 0x80]), "the name of tensor 0 is not valid UTF-8");
        yield return ("tensor name of length 2^63-1", new GgufBytes().Header(1, 0).UInt64(Largest).Fill(64, 65).ToArray(), "claims 9223372036854775807 bytes");
        yield return ("duplicate tensor name", new GgufBytes().Header(2, 0).Tensor("a", [8], F32, 0).Tensor("a", [8], F32, 32).PadTo().Fill(64).ToArray(), "tensor name \"a\" appears twice");
    }

    private static IEnumerable<(string, byte[], string)> Shapes()
    {
        byte[] Shaped(ReadOnlySpan<ulong> dimensions, uint type = F32) => new GgufBytes().Header(1, 0).Tensor("a", dimensions, type, 0).PadTo().Fill(256).ToArray();
        yield return ("no dimensions", Shaped([]), "0 dimensions");
        yield return ("5 dimensions", Shaped([1, 1, 1, 1, 1]), "5 dimensions");
        yield return ("2^32-1 dimensions", new GgufBytes().Header(1, 0).String("a").UInt32(uint.MaxValue).Fill(64).ToArray(), "4294967295 dimensions");
        yield return ("dimension 0", Shaped([8, 0]), "dimension 1 of 0");
        yield return ("dimension -1", Shaped([MinusOne]), "dimension 0 of -1");
        yield return ("dimension -32 of blocks", Shaped([unchecked((ulong)-32L)], Q4_0), "dimension 0 of -32");
        yield return ("two negative dimensions", Shaped([MinusOne, MinusOne]), "dimension 0 of -1");
        yield return ("product of dimensions wraps to 0", Shaped([1UL << 32, 1UL << 32]), "does not fit 63 bits");
        yield return ("product of dimensions wraps to 4", Shaped([4, (1UL << 62) + 1]), "does not fit 63 bits");
        yield return ("bytes wrap", Shaped([1UL << 62]), "does not fit 63 bits");
        yield return ("Q4_0 that wraps to 2 bytes", Shaped([5124095576030431008], Q4_0), "truncated, or the shape is wrong");
        yield return ("rows of part of a block", Shaped([33], Q4_0), "not a whole number of Q4_0 blocks");
        yield return ("rows of part of a super-block", Shaped([32, 8], Q4_K), "not a whole number of Q4_K blocks");
    }

    private static IEnumerable<(string, byte[], string)> Types()
    {
        foreach (var type in new uint[] { 4, 5, 31, 33, 36, 38, 43, 1000, uint.MaxValue })
            yield return ($"tensor type {type}", new GgufBytes().Header(1, 0).Tensor("a", [256], type, 0).PadTo().Fill(2048).ToArray(), $"has type {type}");
    }

    private static IEnumerable<(string, byte[], string)> Offsets()
    {
        byte[] At(ulong first, ulong second) =>
            new GgufBytes().Header(2, 0).Tensor("a", [8], F32, first).Tensor("b", [8], F32, second).PadTo().Fill(128).ToArray();
        yield return ("first offset unaligned", At(4, 32), "not a multiple of the alignment");
        yield return ("offset unaligned", At(0, 33), "not a multiple of the alignment");
        yield return ("same offset twice", At(0, 0), "overlap");
        yield return ("a gap", At(0, 64), "gap");
        yield return ("a gap at the start", At(32, 64), "gap");
        yield return ("tensors in the wrong order", At(32, 0), "gap");
        yield return ("offset past the end", At(0, 1 << 20), "past the end");
        yield return ("offset 2^63-32", At(0, Largest - 31), "past the end");
        yield return ("offset -32, which wraps with the size", At(0, unchecked((ulong)-32L)), "past the end");
        yield return ("data one byte short", new GgufBytes().Header(1, 0).Tensor("a", [8], F32, 0).PadTo().Fill(31).ToArray(), "truncated");
        yield return ("overlap by a longer first tensor", new GgufBytes().Header(2, 0).Tensor("a", [24], F32, 0).Tensor("b", [8], F32, 32).PadTo().Fill(256).ToArray(), "overlap");
    }

    private static IEnumerable<(string, byte[], string)> Unsupported()
    {
        yield return ("part of a split model", new GgufBytes().Header(0, 1).Key("split.count", 2).Raw([3, 0]).ToArray(), "one of 3 parts of a split model");
    }
}
