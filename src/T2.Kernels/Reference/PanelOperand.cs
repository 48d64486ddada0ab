using System.Numerics;
using System.Runtime.CompilerServices;

namespace T2.Kernels;

/// <summary>
/// One operand of a product Σ_k A(i,k)·B(k,j), in fp32 or fp64, read as (index, depth) whichever of the two is contiguous in memory.
/// The pointers must outlive the operand.
/// </summary>
internal readonly unsafe struct PanelOperand
{
    private readonly float* _single;
    private readonly double* _double;
    private readonly nint _stride;
    private readonly bool _depthContiguous;
    private readonly double* _depthScale;

    private PanelOperand(float* single, double* @double, nint stride, bool depthContiguous, double* depthScale)
    {
        _single = single;
        _double = @double;
        _stride = stride;
        _depthContiguous = depthContiguous;
        _depthScale = depthScale;
    }

    /// <summary>Element (index, depth) is <c>data[index·stride + depth]</c>.</summary>
    public static PanelOperand DepthContiguous(float* data, nint stride) => new(data, null, stride, true, null);

    /// <inheritdoc cref="DepthContiguous(float*, nint)"/>
    public static PanelOperand DepthContiguous(double* data, nint stride) => new(null, data, stride, true, null);

    /// <summary>Element (index, depth) is <c>data[depth·stride + index]</c>, times <c>scale[depth]</c> where a scale is given.</summary>
    public static PanelOperand IndexContiguous(float* data, nint stride, double* scale = null) => new(data, null, stride, false, scale);

    /// <inheritdoc cref="IndexContiguous(float*, nint, double*)"/>
    public static PanelOperand IndexContiguous(double* data, nint stride) => new(null, data, stride, false, null);

    /// <summary>
    /// Copies <paramref name="count"/> indices × <paramref name="depth"/> steps as fp64 into slivers of <paramref name="width"/> indices, depth by depth
    /// inside a sliver; the last sliver is padded with zeros.
    /// </summary>
    public void Pack(int firstIndex, int count, int firstDepth, int depth, int width, double* destination)
    {
        for (var offset = 0; offset < count; offset += width, destination += (nint)depth * width)
        {
            var lanes = Math.Min(width, count - offset);
            if (lanes < width)
                new Span<double>(destination, depth * width).Clear();
            if (_double != null)
                PackSliver(_double, firstIndex + offset, lanes, firstDepth, depth, width, destination);
            else
                PackSliver(_single, firstIndex + offset, lanes, firstDepth, depth, width, destination);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackSliver<T>(T* data, int index, int lanes, int firstDepth, int depth, int width, double* destination)
        where T : unmanaged, INumberBase<T>
    {
        if (_depthContiguous)
        {
            for (var lane = 0; lane < lanes; lane++)
            {
                var source = data + ((index + lane) * _stride) + firstDepth;
                for (var k = 0; k < depth; k++)
                    destination[((nint)k * width) + lane] = double.CreateTruncating(source[k]);
            }
            return;
        }
        for (var k = 0; k < depth; k++)
        {
            var source = data + ((firstDepth + k) * _stride) + index;
            var scale = _depthScale == null ? 1.0 : _depthScale[firstDepth + k];
            for (var lane = 0; lane < lanes; lane++)
                destination[((nint)k * width) + lane] = scale * double.CreateTruncating(source[lane]);
        }
    }
}
