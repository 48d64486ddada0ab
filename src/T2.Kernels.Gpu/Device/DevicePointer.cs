namespace T2.Kernels.Gpu;

/// <summary>An address in device memory.</summary>
/// <param name="Address">The address, as the driver gives it.</param>
public readonly record struct DevicePointer(ulong Address)
{
    /// <summary>No address.</summary>
    public static DevicePointer Null => default;

    /// <summary>The address <paramref name="bytes"/> further.</summary>
    public static DevicePointer operator +(DevicePointer pointer, long bytes) => new(pointer.Address + (ulong)bytes);

    /// <inheritdoc/>
    public override string ToString() => $"0x{Address:x}";
}
