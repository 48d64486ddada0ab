using System.Runtime.CompilerServices;
using ILGPU;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>How an emulated fragment stores and multiplies its values.</summary>
internal interface IFragmentFormat
{
    static abstract int ChunksPerRowB { get; }

    /// <summary>Registers of a lane's B fragment load, 8: what <c>ldmatrix.trans</c> or the word loads leave in b0–b7.</summary>
    static abstract void LoadB(ArrayView<uint> registers, ArrayView<int> addresses, ArrayView<byte> shared, int stageB, int step, int warpColumn, int lane, int warp);

    /// <summary>Σₖ A(row, k)·B(k, column) of one mma instruction, read from the registers of the lanes that PTX says hold the values.</summary>
    static abstract float Dot(ArrayView<uint> a, ArrayView<uint> b, int warp, int fragmentRow, int fragmentColumn, int row, int column);
}

/// <summary>
/// Tensor cores played by plain loads, for devices without them (PoCL): follows the PTX definitions of cp.async, ldmatrix and mma.sync, with a warp's
/// registers in shared memory so that lanes can read each other's. It checks <see cref="MmaProduct"/>'s addresses, stages and places of sums against the
/// definitions; it is not fast and not shipped.
/// </summary>
internal struct EmulatedCore<TFormat> : ITensorCore
    where TFormat : struct, IFragmentFormat
{
    public ArrayView<byte> A;
    public ArrayView<byte> B;
    public ArrayView<float> C;
    public ArrayView<byte> Shared;
    public ArrayView<int> Addresses;
    public ArrayView<uint> FragmentsA;
    public ArrayView<uint> FragmentsB;
    public ArrayView<float> Totals;

    public static int ChunksPerRowB => TFormat.ChunksPerRowB;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void CopyA(int shared, long offset) => Copy(A, shared, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void CopyB(int shared, long offset) => Copy(B, shared, offset);

    public readonly void AwaitCopies()
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Load(int a, int stageB, int step, int warpColumn, int lane)
    {
        var warp = Group.IdxX & ~31;
        var words = Shared.Cast<uint>();
        // The lanes before may still multiply what is about to be replaced.
        Group.Barrier();
        Addresses[Group.IdxX] = a;
        Group.Barrier();
        for (var fragment = 0; fragment < 4; fragment++)
        {
            for (var i = 0; i < 4; i++)
            {
                // ldmatrix.x4: register i gets, from the row that lane 8i + l/4 addresses, the word l mod 4.
                var address = Addresses[warp + (i << 3) + (lane >> 2)] + (fragment * 16 * MmaProduct.StrideA);
                FragmentsA[(Group.IdxX << 4) + (fragment << 2) + i] = words[(address >> 2) + (lane & 3)];
            }
        }
        Group.Barrier();
        TFormat.LoadB(FragmentsB, Addresses, Shared, stageB, step, warpColumn, lane, warp);
        Group.Barrier();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Multiply()
    {
        var warp = Group.IdxX & ~31;
        var lane = Group.IdxX & 31;
        for (var fragment = 0; fragment < 16; fragment++)
        {
            for (var i = 0; i < 4; i++)
            {
                // mma.m16n8: sum i of lane l is row l/4 (+8 for i ≥ 2), column 2·(l mod 4) + i mod 2.
                var row = (lane >> 2) + ((i >> 1) << 3);
                var column = ((lane & 3) << 1) + (i & 1);
                Totals[(fragment << 2) + i] += TFormat.Dot(FragmentsA, FragmentsB, warp, fragment >> 2, fragment & 3, row, column);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void AddSum(int index, int place) => C[place] += Totals[index];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Copy(ArrayView<byte> source, int shared, long offset)
    {
        for (var i = 0; i < 16; i++)
            Shared[shared + i] = source[offset + i];
    }
}

/// <summary>f16 or bf16 fragments: two values to a register.</summary>
internal readonly struct EmulatedHalves<TDecode> : IFragmentFormat
    where TDecode : struct, IHalfDecoder
{
    public static int ChunksPerRowB => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadB(ArrayView<uint> registers, ArrayView<int> addresses, ArrayView<byte> shared, int stageB, int step, int warpColumn, int lane, int warp)
    {
        addresses[Group.IdxX] = MmaPlaces.HalfB(stageB, step, warpColumn, lane);
        Group.Barrier();
        var halves = shared.Cast<ushort>();
        for (var pair = 0; pair < 2; pair++)
        {
            for (var i = 0; i < 4; i++)
            {
                // ldmatrix.x4.trans: register i gets the values at column l/4 of the rows that lanes 8i + 2·(l mod 4) and the next address.
                var row = warp + (i << 3) + ((lane & 3) << 1);
                uint low = halves[((addresses[row] + (pair << 5)) >> 1) + (lane >> 2)];
                uint high = halves[((addresses[row + 1] + (pair << 5)) >> 1) + (lane >> 2)];
                registers[(Group.IdxX << 3) + (pair << 2) + i] = low | (high << 16);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot(ArrayView<uint> a, ArrayView<uint> b, int warp, int fragmentRow, int fragmentColumn, int row, int column)
    {
        var sum = 0f;
        for (var k = 0; k < 16; k++)
        {
            // mma.m16n8k16: A(row, k) is in lane 4·(row mod 8) + (k mod 8)/2, register (row ≥ 8) + 2·(k ≥ 8); B(k, column) in lane 4·column + (k mod 8)/2, register k ≥ 8.
            var part = (k & 7) >> 1;
            var registerA = a[((warp + ((row & 7) << 2) + part) << 4) + (fragmentRow << 2) + (row >> 3) + ((k >> 3) << 1)];
            var registerB = b[((warp + (column << 2) + part) << 3) + (fragmentColumn << 1) + (k >> 3)];
            var shift = (k & 1) << 4;
            sum += TDecode.Decode((registerA >> shift) & 0xFFFFu) * TDecode.Decode((registerB >> shift) & 0xFFFFu);
        }
        return sum;
    }
}

/// <summary>tf32 fragments: a value to a register.</summary>
internal readonly struct EmulatedWords : IFragmentFormat
{
    public static int ChunksPerRowB => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadB(ArrayView<uint> registers, ArrayView<int> addresses, ArrayView<byte> shared, int stageB, int step, int warpColumn, int lane, int warp)
    {
        var words = shared.Cast<uint>();
        var address = MmaPlaces.WordB(stageB, step, warpColumn, lane);
        for (var i = 0; i < 8; i++)
            registers[(Group.IdxX << 3) + i] = words[(address + ((i >> 1) << 5) + ((i & 1) * 4 * MmaPlaces.StrideWordB)) >> 2];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot(ArrayView<uint> a, ArrayView<uint> b, int warp, int fragmentRow, int fragmentColumn, int row, int column)
    {
        var sum = 0f;
        for (var k = 0; k < 8; k++)
        {
            // mma.m16n8k8: A(row, k) is in lane 4·(row mod 8) + k mod 4, register (row ≥ 8) + 2·(k ≥ 4); B(k, column) in lane 4·column + k mod 4, register k ≥ 4.
            var registerA = a[((warp + ((row & 7) << 2) + (k & 3)) << 4) + (fragmentRow << 2) + (row >> 3) + ((k >> 2) << 1)];
            var registerB = b[((warp + (column << 2) + (k & 3)) << 3) + (fragmentColumn << 1) + (k >> 2)];
            sum += Interop.IntAsFloat(registerA) * Interop.IntAsFloat(registerB);
        }
        return sum;
    }
}

/// <summary>Reads a 16-bit value of a fragment.</summary>
internal interface IHalfDecoder
{
    static abstract float Decode(uint bits);
}

/// <summary>f16.</summary>
internal readonly struct DecodeHalf : IHalfDecoder
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Decode(uint bits) => Bits.HalfToFloat(bits);
}

/// <summary>bf16.</summary>
internal readonly struct DecodeBFloat : IHalfDecoder
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Decode(uint bits) => Interop.IntAsFloat(bits << 16);
}
