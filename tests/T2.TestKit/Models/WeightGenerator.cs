using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace T2.TestKit;

/// <summary>
/// Random weights, any row on its own and the same on every machine:
/// <c>w[o,i] = mean + deviation · (g[o,i] + Σ_k a_k · u_k[o] · v_k[i])</c> with g, u, v close to standard normal.
/// </summary>
/// <remarks>
/// The sum of <see cref="Directions"/> rank-one terms lifts the first singular values above the flat bulk that independent values give
/// (the k-th to about 4/(k+1) of the bulk's edge), so that a test of an SVD sees a spectrum with a head and a tail, as trained weights have.
/// g is the sum of four uniform 16-bit numbers taken from a hash of its position: integer arithmetic, so no rounding differs between vector widths.
/// </remarks>
internal sealed class WeightGenerator
{
    private const int Directions = 8;

    /// <summary>One over the standard deviation of four summed uniform 16-bit numbers, 65536/√3.</summary>
    private const float SumScale = 1.7320508f / 65536f;

    private const int SumMean = 2 * 65535;

    private readonly SyntheticTensor _tensor;
    private readonly ulong _seed;
    private readonly float[][] _rightDirections = [];
    private readonly float[][] _leftDirections = [];

    public WeightGenerator(SyntheticTensor tensor, ulong seed)
    {
        _tensor = tensor;
        _seed = Mix(XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(tensor.Name)) ^ Mix(seed));
        if (tensor.IsVector)
            return;
        _rightDirections = [.. Enumerable.Range(0, Directions).Select(k => Direction(tensor.RowLength, stream: 1 + 2 * k))];
        _leftDirections = [.. Enumerable.Range(0, Directions).Select(k => Direction(tensor.Rows, stream: 2 + 2 * k))];
    }

    /// <summary>Writes row <paramref name="row"/> (0 for a vector) into <paramref name="destination"/>, one value per input.</summary>
    public void FillRow(int row, Span<float> destination)
    {
        FillNormal(_seed, (ulong)row << 8, destination);
        var strength = 4f * (1 / MathF.Sqrt(_tensor.RowLength) + 1 / MathF.Sqrt(Math.Max(1, _tensor.Rows)));
        for (var k = 0; k < _rightDirections.Length; k++)
            AddScaled(_rightDirections[k], strength / (k + 1) * _leftDirections[k][row], destination);
        ScaleAndShift(_tensor.Deviation, _tensor.Mean, destination);
    }

    private float[] Direction(int length, int stream)
    {
        var values = new float[length];
        FillNormal(_seed, (ulong)stream, values);
        return values;
    }

    private static void FillNormal(ulong seed, ulong stream, Span<float> destination)
    {
        var key = Mix(seed + stream * 0x9E3779B97F4A7C15);
        var (first, second) = (new Vector<uint>((uint)key), new Vector<uint>((uint)(key >> 32)));
        var lowHalf = new Vector<uint>(0xFFFF);
        var position = Vector<uint>.Indices * 2;
        Span<float> tail = stackalloc float[Vector<float>.Count];
        for (var i = 0; i < destination.Length; i += Vector<float>.Count)
        {
            var a = Hash(position, first, second);
            var b = Hash(position + Vector<uint>.One, first, second);
            var sum = (a & lowHalf) + (a >>> 16) + (b & lowHalf) + (b >>> 16);
            var normal = Vector.ConvertToSingle(Vector.AsVectorInt32(sum) - new Vector<int>(SumMean)) * SumScale;
            if (destination.Length - i >= Vector<float>.Count)
            {
                normal.CopyTo(destination[i..]);
            }
            else
            {
                normal.CopyTo(tail);
                tail[..(destination.Length - i)].CopyTo(destination[i..]);
            }
            position += new Vector<uint>(2 * (uint)Vector<uint>.Count);
        }
    }

    // Two keys, one mixed in between the rounds: with one, two rows whose keys lie close would repeat each other shifted.
    private static Vector<uint> Hash(Vector<uint> x, Vector<uint> first, Vector<uint> second)
    {
        x ^= first;
        x = (x ^ (x >>> 16)) * 0x7FEB352Du;
        x += second;
        x = (x ^ (x >>> 15)) * 0x846CA68Bu;
        return x ^ (x >>> 16);
    }

    private static void AddScaled(ReadOnlySpan<float> source, float factor, Span<float> destination)
    {
        var sources = MemoryMarshal.Cast<float, Vector<float>>(source);
        var destinations = MemoryMarshal.Cast<float, Vector<float>>(destination);
        for (var i = 0; i < destinations.Length; i++)
            destinations[i] += sources[i] * factor;
        for (var i = destinations.Length * Vector<float>.Count; i < destination.Length; i++)
            destination[i] += source[i] * factor;
    }

    private static void ScaleAndShift(float scale, float shift, Span<float> values)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        for (var i = 0; i < vectors.Length; i++)
            vectors[i] = vectors[i] * scale + new Vector<float>(shift);
        for (var i = vectors.Length * Vector<float>.Count; i < values.Length; i++)
            values[i] = values[i] * scale + shift;
    }

    /// <summary>The finaliser of SplitMix64.</summary>
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
