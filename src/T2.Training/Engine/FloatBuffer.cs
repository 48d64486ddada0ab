using System.Runtime.InteropServices;

namespace T2.Training;

/// <summary>Floats outside the collector's reach, aligned to a cache line. Grows, never shrinks; growing loses what was in it.</summary>
internal sealed unsafe class FloatBuffer : IDisposable
{
    private long _length;

    ~FloatBuffer() => Free();

    public float* Pointer { get; private set; }

    /// <summary>Room for <paramref name="length"/> values.</summary>
    public float* Reserve(long length)
    {
        if (length > _length)
        {
            Free();
            Pointer = (float*)NativeMemory.AlignedAlloc(checked((nuint)length * sizeof(float)), 64);
            _length = length;
        }
        return Pointer;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
        _length = 0;
    }
}
