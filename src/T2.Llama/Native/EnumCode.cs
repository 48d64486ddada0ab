namespace T2.Llama;

/// <summary>Turns options into the numbers that llama.cpp takes.</summary>
internal static class EnumCode
{
    /// <summary>The number of an enumeration's value; llama.cpp does not expect any but those it names.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value has no name.</exception>
    public static int Of<T>(T value) where T : struct, Enum => Enum.IsDefined(value)
        ? Convert.ToInt32(value, System.Globalization.CultureInfo.InvariantCulture)
        : throw new ArgumentOutOfRangeException(typeof(T).Name, value, "llama.cpp has no such value.");
}
