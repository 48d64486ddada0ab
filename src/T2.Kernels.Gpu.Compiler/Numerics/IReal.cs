using System.Numerics;
using System.Runtime.CompilerServices;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>What the kernels that exist in fp32 and fp64 need beyond the operators; ILGPU compiles no numeric interface's conversions.</summary>
internal interface IReal<T>
    where T : unmanaged, INumber<T>
{
    static abstract T From(float value);

    static abstract T From(double value);

    static abstract double ToDouble(T value);

    static abstract T Sqrt(T value);

    static abstract T Abs(T value);
}

/// <summary>fp32.</summary>
internal readonly struct Single32 : IReal<float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float From(float value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float From(double value) => (float)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double ToDouble(float value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sqrt(float value) => MathF.Sqrt(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Abs(float value) => value < 0 ? -value : value;
}

/// <summary>fp64.</summary>
internal readonly struct Double64 : IReal<double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double From(float value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double From(double value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double ToDouble(double value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sqrt(double value) => Math.Sqrt(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Abs(double value) => value < 0 ? -value : value;
}
