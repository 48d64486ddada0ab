using System.Runtime.CompilerServices;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>Where a lane finds its part of B's tile: the same arithmetic for PTX and for the emulation that checks it.</summary>
internal static class MmaPlaces
{
    /// <summary>Bytes from row to row of B's tile: 128 halves or words and 16 or 32 bytes of padding.</summary>
    public const int StrideHalfB = 272;
    public const int StrideWordB = 544;

    /// <summary>ldmatrix address of this lane for 16 depths (lane mod 16) and 16 columns (8 further from lane 16 on); the next 16 columns are 32 bytes on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int HalfB(int stageB, int step, int warpColumn, int lane) =>
        stageB + (((step << 4) + (lane & 15)) * StrideHalfB) + (warpColumn << 1) + ((lane >> 4) << 4);

    /// <summary>Address of depth lane mod 4, column lane / 4; four depths further is 4 rows on, eight columns further 32 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int WordB(int stageB, int step, int warpColumn, int lane) =>
        stageB + (((step << 3) + (lane & 3)) * StrideWordB) + ((warpColumn + (lane >> 2)) << 2);
}
