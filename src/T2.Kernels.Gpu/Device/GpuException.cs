namespace T2.Kernels.Gpu;

/// <summary>A GPU or its driver failed; the message names the call, the driver's error and what was being done.</summary>
public class GpuException : Exception
{
    /// <inheritdoc/>
    public GpuException()
    {
    }

    /// <param name="message">What failed.</param>
    public GpuException(string message)
        : base(message)
    {
    }

    /// <param name="message">What failed.</param>
    /// <param name="innerException">The cause.</param>
    public GpuException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>A device, or page-locked host memory, has no room left. Whatever was allocated for the job at hand has been freed.</summary>
public sealed class GpuOutOfMemoryException : GpuException
{
    /// <inheritdoc/>
    public GpuOutOfMemoryException()
    {
    }

    /// <param name="message">What did not fit.</param>
    public GpuOutOfMemoryException(string message)
        : base(message)
    {
    }

    /// <param name="message">What did not fit.</param>
    /// <param name="innerException">The cause.</param>
    public GpuOutOfMemoryException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
