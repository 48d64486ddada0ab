namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// The few things <see cref="MmaProduct"/> asks of tensor cores: asynchronous copies into shared memory, fragments, the multiplication of a warp's fragments.
/// <see cref="MmaProduct"/> computes every address and place; an implementation only carries them out, in PTX or, to check them where there are no tensor
/// cores, by plain loads that follow the definition of each PTX instruction. Offsets into shared memory are bytes.
/// </summary>
internal interface ITensorCore
{
    /// <summary>16-byte chunks in a row of B's tile: 128 values.</summary>
    static abstract int ChunksPerRowB { get; }

    /// <summary>Copies 16 bytes of A, or of B, to shared memory; complete after <see cref="AwaitCopies"/>.</summary>
    void CopyA(int shared, long offset);

    void CopyB(int shared, long offset);

    /// <summary>Waits for this thread's copies.</summary>
    void AwaitCopies();

    /// <summary>Loads the warp's fragments of one depth step: 64 rows of A from <paramref name="a"/> (this lane's row and half), 32 columns of B.</summary>
    void Load(int a, int stageB, int step, int warpColumn, int lane);

    /// <summary>sums += A·B for the 4×4 fragments loaded, each 16×8.</summary>
    void Multiply();

    /// <summary>
    /// C[<paramref name="place"/>] += sum <paramref name="index"/> (a constant): value index mod 4 of fragment index / 4, as <c>mma.sync.m16n8</c> places them:
    /// 0, 1 at row lane / 4, columns 2·(lane mod 4) and the next; 2, 3 eight rows below.
    /// </summary>
    void AddSum(int index, int place);
}
