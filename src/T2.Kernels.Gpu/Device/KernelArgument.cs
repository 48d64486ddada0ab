namespace T2.Kernels.Gpu;

/// <summary>What a <see cref="KernelArgument"/> is.</summary>
public enum KernelArgumentKind
{
    /// <summary>Pointer and number of elements: ILGPU's ArrayView, 16 bytes.</summary>
    View,

    /// <summary>A bare address, 8 bytes.</summary>
    Address,

    /// <summary>32-bit integer.</summary>
    Int32,

    /// <summary>Single precision.</summary>
    Single,

    /// <summary>Double precision.</summary>
    Double,
}

/// <summary>One argument of a kernel, as the kernel's ABI lays it out.</summary>
public readonly record struct KernelArgument
{
    private KernelArgument(KernelArgumentKind kind, ulong bits, long length)
    {
        Kind = kind;
        Bits = bits;
        Length = length;
    }

    /// <summary>What it is.</summary>
    public KernelArgumentKind Kind { get; }

    /// <summary>The value's bits, in the low bytes.</summary>
    public ulong Bits { get; }

    /// <summary>Elements of a view.</summary>
    public long Length { get; }

    /// <summary>A view of <paramref name="length"/> elements.</summary>
    public static KernelArgument View(DevicePointer pointer, long length) => new(KernelArgumentKind.View, pointer.Address, length);

    /// <summary>An address.</summary>
    public static KernelArgument Address(DevicePointer pointer) => new(KernelArgumentKind.Address, pointer.Address, 0);

    /// <summary>An integer.</summary>
    public static implicit operator KernelArgument(int value) => new(KernelArgumentKind.Int32, (uint)value, 0);

    /// <summary>A single.</summary>
    public static implicit operator KernelArgument(float value) => new(KernelArgumentKind.Single, BitConverter.SingleToUInt32Bits(value), 0);

    /// <summary>A double.</summary>
    public static implicit operator KernelArgument(double value) => new(KernelArgumentKind.Double, BitConverter.DoubleToUInt64Bits(value), 0);

    /// <summary>Value of an integer.</summary>
    public int ToInt32() => (int)(uint)Bits;

    /// <summary>Value of a single.</summary>
    public float ToSingle() => BitConverter.UInt32BitsToSingle((uint)Bits);

    /// <summary>Value of a double.</summary>
    public double ToDouble() => BitConverter.UInt64BitsToDouble(Bits);
}
