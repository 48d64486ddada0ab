namespace T2.Kernels.Gpu;

/// <summary>Block and tile sizes that a kernel's source and its launch must agree on.</summary>
public static class KernelShape
{
    /// <summary>Threads of every block but those of <see cref="QuantizeThreads"/>.</summary>
    public const int Threads = 256;

    /// <summary>Threads of a quantising block; each owns one run of 32 (Q6_K: 16) values.</summary>
    public const int QuantizeThreads = 128;

    /// <summary>Values of a row that one thread of a quantising block owns.</summary>
    public const int QuantizeRun = 32;

    /// <summary>Rows and columns of a SIMT product's tile.</summary>
    public const int Tile = 64;

    /// <summary>Depth of a SIMT product's step.</summary>
    public const int TileDepth = 16;

    /// <summary>Rows and columns of a tensor-core product's tile.</summary>
    public const int MmaTile = 128;

    /// <summary>Bytes of depth of a tensor-core product's step: 32 halves or 16 words.</summary>
    public const int MmaDepthBytes = 64;

    /// <summary>Vectors of a Jacobi block; blocks meet in pairs.</summary>
    public const int JacobiBlock = 16;

    /// <summary>Vectors of a pair of Jacobi blocks.</summary>
    public const int JacobiPair = 2 * JacobiBlock;

    /// <summary>Elements of the vectors that one block of the Jacobi products handles.</summary>
    public const int JacobiSpan = 256;
}
