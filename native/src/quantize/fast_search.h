// Fits for mixtures, where the quantiser must not take longer than the memory: four stretched grids per sub-block instead of the searches' 16 to 21, and the
// error of each from its own normal equations instead of a second pass. Not ggml's bytes.
//
// Affine  xᵢ ≈ scale·lᵢ + minimum with lᵢ = nearest((xᵢ − low)·g), g = (levels + s)/(high − low). Of the four s the one with the largest explained weight
//         scale·Σw·x·l + minimum·Σw·x (= Σw·x² − the weighted squared error at the least-squares scale and minimum ≤ 0). Weights as in the searches.
// Linear  xᵢ ≈ scale·lᵢ with g = −(levels + s)/x_extreme: the largest (Σw·x·l)²/Σw·l².
//
// Error of a mixture against the full search's, Gaussian and heavy-tailed weights, deltas of 0.05 to 0.3 of W: 0.83 to 1.02; Q2_K 0.94 to 1.07.
// Levels come from fused products. Every operation, and its order, is the same in the scalar and the lane form: one result on every instruction set.
// Super-blocks with values outside 1e-30..1e30, not finite, or all equal in a sub-block take the full scalar search.
#pragma once
#include "k_blocks.h"
#include "scalar_search.h"
#if !defined(T2_SCALAR_SEARCH)
#include "lane_search.h"
#endif

namespace t2k
{
namespace
{
inline constexpr float kStretches[] = {0.2f, -0.2f, -0.6f, -1.0f}; // in levels
constexpr float kFastSmallest = 1e-30f, kFastLargest = 1e30f, kNothingExplained = -3e38f;

// clamp(round(grid·x), low, high), the product unrounded; |grid·x| < 2²².
inline float fused_level(float grid, float x, int low, int high)
{
    return static_cast<float>(clamp_level(static_cast<int>(bits_of(std::fma(grid, x, 12582912.0f))) - 0x4B400000, low, high));
}

inline bool fit_affine_fast(const AffineRule& rule, const float* x, AffineFit& fit)
{
    float offset = 0;
    if (!rule.absolute)
    {
        float square = 0;
        for (int i = 0; i < rule.count; ++i)
            square = std::fma(x[i], x[i], square);
        offset = std::sqrt(square / static_cast<float>(rule.count));
    }
    float weight[32], weighted[32];
    float low = x[0], high = x[0], sum_w = 0, sum_x = 0;
    for (int i = 0; i < rule.count; ++i)
    {
        weight[i] = offset + std::fabs(x[i]);
        weighted[i] = weight[i] * x[i];
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        sum_w += weight[i];
        sum_x += weighted[i];
    }
    low = low > 0 ? 0.0f : low;
    const float range = high - low;
    if (!(range >= kFastSmallest && range <= kFastLargest && sum_w <= kFastLargest && sum_x - sum_x == 0))
        return false;

    const float top = static_cast<float>(rule.levels);
    fit = {range / top, low, top / range, low};
    float most = kNothingExplained;
    for (const float stretch : kStretches)
    {
        const float grid = (stretch + top) / range;
        float sum_l = 0, sum_l2 = 0, sum_xl = 0;
        for (int i = 0; i < rule.count; ++i)
        {
            const float l = fused_level(grid, x[i] - low, 0, rule.levels);
            const float wl = weight[i] * l;
            sum_l += wl;
            sum_l2 = std::fma(wl, l, sum_l2);
            sum_xl = std::fma(weighted[i], l, sum_xl);
        }
        const float determinant = sum_w * sum_l2 - sum_l * sum_l;
        float scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
        float minimum = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
        if (minimum > 0)
        {
            scale = sum_xl / sum_l2;
            minimum = 0;
        }
        const float explained = scale * sum_xl + minimum * sum_x;
        if (determinant > 0 && explained > most)
        {
            most = explained;
            fit = {scale, minimum, grid, low};
        }
    }
    fit.minimum = -fit.minimum;
    return true;
}

// `grid` receives the grid whose levels the scale belongs to (0: an all-zero sub-block).
template <int Levels>
inline bool fit_linear_fast(const float* x, float& scale, float& grid)
{
    float extreme = 0, size = 0, total = 0;
    for (int i = 0; i < 16; ++i)
    {
        const float a = std::fabs(x[i]);
        extreme = a > size ? x[i] : extreme;
        size = a > size ? a : size;
        total += x[i];
    }
    scale = grid = 0;
    if (!(size <= kFastLargest && total - total == 0))
        return false;
    if (size < kZeroBlock)
        return true;
    float most = kNothingExplained;
    scale = extreme / -static_cast<float>(Levels);
    grid = -static_cast<float>(Levels) / extreme;
    for (const float stretch : kStretches)
    {
        const float candidate = -(static_cast<float>(Levels) + stretch) / extreme;
        float sum_lx = 0, sum_l2 = 0;
        for (int i = 0; i < 16; ++i)
        {
            const float l = fused_level(candidate, x[i], -Levels, Levels - 1);
            const float wl = x[i] * x[i] * l;
            sum_lx = std::fma(wl, x[i], sum_lx);
            sum_l2 = std::fma(wl, l, sum_l2);
        }
        const float ratio = sum_lx / sum_l2, explained = ratio * sum_lx;
        if (sum_l2 > 0 && explained > most)
        {
            most = explained;
            scale = ratio;
            grid = candidate;
        }
    }
    return true;
}

// One super-block.
template <int Subs, const AffineRule& Rule, void (*Finish)(const float*, const AffineFit*, uint8_t*), void (*Search)(const float*, uint8_t*)>
inline void affine_fast(const float* x, uint8_t* y)
{
    AffineFit fit[Subs];
    for (int j = 0; j < Subs; ++j)
        if (!fit_affine_fast(Rule, x + 256 / Subs * j, fit[j]))
            return Search(x, y);
    Finish(x, fit, y);
}

inline void quantize_q3_k_fast(const float* x, uint8_t* y)
{
    float scale[16], grid;
    for (int j = 0; j < 16; ++j)
        if (!fit_linear_fast<4>(x + 16 * j, scale[j], grid))
            return quantize_q3_k(x, y);
    uint8_t level[256] = {}; // of sub-blocks whose scale rounds to zero: any will do
    finish_q3_k(x, scale, level, y);
}

inline void quantize_q6_k_fast(const float* x, uint8_t* y)
{
    float scale[16], grid[16];
    for (int j = 0; j < 16; ++j)
        if (!fit_linear_fast<32>(x + 16 * j, scale[j], grid[j]))
            return quantize_q6_k(x, y);
    finish_q6_k(x, scale, grid, y);
}

#if !defined(T2_SCALAR_SEARCH)
template <const AffineRule& Rule>
inline bool fit_affine_fast_lanes(const float* const* sub, AffineFit* fit)
{
    constexpr int count = Rule.count;
    vf x[count], weight[count], weighted[count];
    transpose<count>(sub, x);
    vf offset{};
    if constexpr (!Rule.absolute)
    {
        for (int i = 0; i < count; ++i)
            offset = fused(x[i], x[i], offset);
        offset /= static_cast<float>(count);
        for (int lane = 0; lane < T2_LANES; ++lane)
            offset[lane] = __builtin_sqrtf(offset[lane]);
    }
    vf low = x[0], high = x[0], sum_w{}, sum_x{};
    for (int i = 0; i < count; ++i)
    {
        weight[i] = offset + magnitude(x[i]);
        weighted[i] = weight[i] * x[i];
        low = smaller(low, x[i]);
        high = larger(high, x[i]);
        sum_w += weight[i];
        sum_x += weighted[i];
    }
    low = low > 0.0f ? vf{} : low;
    const vf range = high - low;
    if (any(~((range >= kFastSmallest) & (range <= kFastLargest) & (sum_w <= kFastLargest) & (sum_x - sum_x == 0.0f))))
        return false;

    for (int i = 0; i < count; ++i)
        x[i] -= low;
    constexpr float top = static_cast<float>(Rule.levels);
    vf best_scale = range / top, best_minimum = low, best_grid = top / range, most = splat(kNothingExplained);
    for (const float stretch : kStretches)
    {
        const vf grid = (stretch + top) / range;
        vf sum_l{}, sum_l2{}, sum_xl{};
        for (int i = 0; i < count; ++i)
        {
            const vf l = clamped(fused(grid, x[i], splat(12582912.0f)), 0, Rule.levels);
            const vf wl = weight[i] * l;
            sum_l += wl;
            sum_l2 = fused(wl, l, sum_l2);
            sum_xl = fused(weighted[i], l, sum_xl);
        }
        const vf determinant = sum_w * sum_l2 - sum_l * sum_l;
        vf scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
        vf minimum = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
        const vi positive = minimum > 0.0f;
        scale = select(positive, sum_xl / sum_l2, scale);
        minimum = select(positive, vf{}, minimum);
        const vf explained = scale * sum_xl + minimum * sum_x;
        const vi better = (determinant > 0.0f) & (explained > most);
        most = select(better, explained, most);
        best_scale = select(better, scale, best_scale);
        best_minimum = select(better, minimum, best_minimum);
        best_grid = select(better, grid, best_grid);
    }
    for (int lane = 0; lane < T2_LANES; ++lane)
        fit[lane] = {best_scale[lane], -best_minimum[lane], best_grid[lane], low[lane]};
    return true;
}

template <int Levels>
inline bool fit_linear_fast_lanes(const float* const* sub, float* scales, float* grids)
{
    vf x[16], w[16];
    transpose<16>(sub, x);
    vf extreme, size, total{};
    extremes<16>(x, extreme, size);
    for (int i = 0; i < 16; ++i)
    {
        total += x[i];
        w[i] = x[i] * x[i];
    }
    if (any(~((size <= kFastLargest) & (total - total == 0.0f))))
        return false;
    const vi zero = size < kZeroBlock;
    vf scale = extreme / -static_cast<float>(Levels), best_grid = -static_cast<float>(Levels) / extreme, most = splat(kNothingExplained);
    for (const float stretch : kStretches)
    {
        const vf grid = -(static_cast<float>(Levels) + stretch) / extreme;
        vf sum_lx{}, sum_l2{};
        for (int i = 0; i < 16; ++i)
        {
            const vf l = clamped(fused(grid, x[i], splat(12582912.0f)), -Levels, Levels - 1);
            const vf wl = w[i] * l;
            sum_lx = fused(wl, x[i], sum_lx);
            sum_l2 = fused(wl, l, sum_l2);
        }
        const vf ratio = sum_lx / sum_l2, explained = ratio * sum_lx;
        const vi better = (sum_l2 > 0.0f) & (explained > most);
        most = select(better, explained, most);
        scale = select(better, ratio, scale);
        best_grid = select(better, grid, best_grid);
    }
    store(scales, select(zero, vf{}, scale));
    store(grids, select(zero, vf{}, best_grid));
    return true;
}
#endif
}
}
