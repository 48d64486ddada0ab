#include "plan.h"
#include "../common/status.h"
#include <algorithm>
#include <cmath>

namespace t2k
{
namespace
{
// Rounding of the delta, relative to ‖W‖ and per unit of rms(z − c): both operands' roundings and S's own, independent, so their squares add.
// Measured on Gaussian weights: int16 1.9e-4, bf16 3.2e-3, int8 1.4e-2. The constants leave room for heavier tails: a lane whose largest value is 9 (int8)
// or 25 (int16) times its rms still keeps them.
constexpr double kErrorI16 = 3e-4;
constexpr double kErrorI8 = 4e-2;

// Relative rms error of rounding a weight to the type, from below.
double resolution(Type type)
{
    switch (type)
    {
    case Type::F16:
        return 2.0e-4;
    case Type::BF16:
        return 1.6e-3;
    case Type::Q8_0:
        return 5.0e-3;
    case Type::Q6_K:
        return 1.2e-2;
    case Type::Q5_0:
    case Type::Q5_1:
    case Type::Q5_K:
        return 2.5e-2;
    case Type::Q4_0:
    case Type::Q4_1:
    case Type::Q4_K:
        return 5.0e-2;
    case Type::Q3_K:
    case Type::Q2_K:
        return 1.0e-1;
    case Type::F32:
        break;
    }
    return 0;
}

// Error e beside the destination's own error q gives sqrt(q² + e²); e ≤ 0.4·q keeps that within 1.08·q.
bool hidden(double error, double rms, Type type)
{
    return error * rms <= 0.4 * resolution(type);
}

Arithmetic choose(const KernelTable& kernels, int32_t requested, double rms, Type type)
{
    switch (requested)
    {
    case T2K_FP32:
        return Arithmetic::F32;
    case T2K_INT16:
        return Arithmetic::I16;
    case T2K_BF16:
        return kernels.gemm.bf16 != nullptr ? Arithmetic::BF16 : Arithmetic::I16;
    case T2K_INT8:
        return kernels.gemm.i8 != nullptr ? Arithmetic::I8 : Arithmetic::I16;
    case T2K_AUTO:
        break;
    default:
        throw Failure(T2K_INVALID, "Arithmetic " + std::to_string(requested) + " is not a t2k_arithmetic.");
    }
    if (kernels.gemm.i8 != nullptr && hidden(kErrorI8, rms, type))
        return Arithmetic::I8;
    // Not bf16: fixed point has a seventeenth of its error at 0.95 to 1.0 of its speed (Zen 4).
    return kernels.gemm.fast_i16 && hidden(kErrorI16, rms, type) ? Arithmetic::I16 : Arithmetic::F32;
}

float most_frequent(const float* z, int64_t rank)
{
    std::vector<float> sorted(z, z + rank);
    std::sort(sorted.begin(), sorted.end());
    float best = sorted.front();
    int64_t most = 0;
    for (int64_t first = 0, last; first < rank; first = last)
    {
        for (last = first; last < rank && sorted[static_cast<size_t>(last)] == sorted[static_cast<size_t>(first)];)
            ++last;
        if (last - first > most)
        {
            most = last - first;
            best = sorted[static_cast<size_t>(first)];
        }
    }
    return best;
}
}

RebuildPlan plan_rebuild(const KernelTable& kernels, const float* z, int64_t rank, int64_t longer, int32_t dst_type, int32_t requested)
{
    double sum = 0;
    for (int64_t i = 0; i < rank; ++i)
    {
        if (!std::isfinite(z[i]))
            throw Failure(T2K_NOT_FINITE, "z[" + std::to_string(i) + "] is not finite.");
        sum += z[i];
    }
    struct Candidate
    {
        RebuildPlan plan;
        double cost, rms;
    };
    std::vector<Candidate> candidates;
    double cheapest = 0;
    for (const float center : {1.0f, most_frequent(z, rank), static_cast<float>(sum / static_cast<double>(rank))})
    {
        double squares = 0;
        int64_t active = 0;
        for (int64_t i = 0; i < rank; ++i)
        {
            const double d = static_cast<double>(z[i]) - center;
            squares += d * d;
            active += d != 0;
        }
        const double rms = std::sqrt(squares / static_cast<double>(rank));
        const double r = static_cast<double>(rank), k = static_cast<double>(active), l = static_cast<double>(longer);
        const double dense = l * r * r + k * r * r / 2, low = 2 * l * r * k;
        RebuildPlan plan;
        plan.arithmetic = choose(kernels, requested, rms, static_cast<Type>(dst_type));
        plan.low_rank = low < dense;
        plan.center = center;
        plan.multiplications = std::min(low, dense);
        // The 16-bit forms run at about twice the fp32 rate, the 8-bit form at four times.
        const double cost = plan.multiplications * (plan.arithmetic == Arithmetic::F32 ? 4 : (plan.arithmetic == Arithmetic::I8 ? 1 : 2));
        cheapest = candidates.empty() ? cost : std::min(cheapest, cost);
        candidates.push_back({plan, cost, rms});
    }
    // Of plans that cost the same within a few percent, the most accurate; the delta from W itself (c = 1) where there is nothing between them.
    const Candidate* chosen = nullptr;
    for (const Candidate& candidate : candidates)
        if (candidate.cost <= 1.05 * cheapest && (chosen == nullptr || candidate.rms < chosen->rms))
            chosen = &candidate;
    RebuildPlan best = chosen->plan;
    for (int64_t i = 0; i < rank; ++i)
        if (z[i] != best.center)
        {
            best.active.push_back(i);
            best.weight.push_back(static_cast<float>(static_cast<double>(z[i]) - best.center));
        }
    return best;
}
}
