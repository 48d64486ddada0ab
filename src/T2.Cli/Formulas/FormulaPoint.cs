using System.IO.Hashing;
using System.Text;

namespace T2.Cli;

/// <summary>What a formula may ask about the singular value it is evaluated for.</summary>
/// <param name="Index">Position of the singular value, 0 = the largest.</param>
/// <param name="Rank">Number of singular values of the weight.</param>
/// <param name="Layer">Block number of the weight.</param>
/// <param name="Sigma">The singular value; NaN where the formula does not use it.</param>
/// <param name="WeightSeed">Identifies the weight, so that random values differ from weight to weight.</param>
internal readonly record struct FormulaPoint(int Index, int Rank, int Layer, double Sigma, ulong WeightSeed)
{
    internal static ulong SeedOf(string weight) => XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(weight));
}
