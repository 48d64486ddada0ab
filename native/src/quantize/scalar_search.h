// The per-sub-block searches of the K-quants, one sub-block at a time: the plain form every vector form must equal bit for bit, and what the vector forms
// hand blocks to whose ranges are too small, too large or not finite for their shortcuts.
//
// Affine  x ≈ scale·l − minimum, l in 0..levels: start from the range, try `steps`+1 stretched grids, and for each solve the weighted 2×2 least squares;
//         keep the grid with the smallest weighted (absolute or squared) error. Each grid starts at the best minimum so far, not at the smallest value.
// Linear  x ≈ scale·l, l in −levels..levels−1: try 19 grids, keep the one with the largest explained weight; or (3-bit) coordinate descent on the levels.
//
// Every reduction runs in index order in fp32 without contraction: the order is part of the format's definition here.
#pragma once
#include "../common/half.h"
#include <cmath>
#include <cstdint>

namespace t2k
{
namespace
{
constexpr float kZeroBlock = 1e-15f; // below this a block counts as all zero

// Round to nearest even by adding 1.5·2²³; outside ±2²² the result wraps, as it does in ggml.
inline int nearest(float value)
{
    return static_cast<int>(bits_of(value + 12582912.0f) & 0x007FFFFFu) - 0x00400000;
}

inline int clamp_level(int level, int low, int high)
{
    return level < low ? low : (level > high ? high : level);
}

// What a search leaves for one sub-block. The levels of the best grid are recomputed from (grid, origin) in the rare case they are needed.
struct AffineFit
{
    float scale;
    float minimum; // ≥ 0: what is subtracted
    float grid;    // 1/step of the best grid; 0: all levels zero
    float origin;
};

struct AffineRule
{
    int count;  // values per sub-block
    int levels; // largest level
    int steps;
    float first; // stretch of the first grid, in levels
    bool absolute; // weigh |error| instead of its square, with weights |x| instead of rms(x) + |x|
};

inline constexpr AffineRule kRuleQ2{16, 3, 15, -0.5f, true};
inline constexpr AffineRule kRuleQ4{32, 15, 20, -1.0f, false};
inline constexpr AffineRule kRuleQ5{32, 31, 15, -0.5f, false};

inline AffineFit fit_affine(const AffineRule& rule, const float* x)
{
    float weight[32];
    float offset = 0.0f;
    if (!rule.absolute)
    {
        float square = 0.0f;
        for (int i = 0; i < rule.count; ++i)
            square += x[i] * x[i];
        offset = std::sqrt(square / static_cast<float>(rule.count));
    }
    for (int i = 0; i < rule.count; ++i)
        weight[i] = rule.absolute ? std::fabs(x[i]) : offset + std::fabs(x[i]);

    float low = x[0], high = x[0];
    float sum_w = weight[0];
    float sum_x = sum_w * x[0];
    for (int i = 1; i < rule.count; ++i)
    {
        if (x[i] < low)
            low = x[i];
        if (x[i] > high)
            high = x[i];
        sum_w += weight[i];
        sum_x += weight[i] * x[i];
    }
    if (low > 0)
        low = 0;
    if (high == low)
        return {0.0f, -low, 0.0f, low};

    const float top = static_cast<float>(rule.levels);
    AffineFit best{0.0f, low, top / (high - low), low};
    best.scale = 1 / best.grid;
    float best_error = 0;
    for (int i = 0; i < rule.count; ++i)
    {
        const int level = clamp_level(nearest(best.grid * (x[i] - low)), 0, rule.levels);
        float difference = best.scale * static_cast<float>(level) + low - x[i];
        difference = rule.absolute ? std::fabs(difference) : difference * difference;
        best_error += weight[i] * difference;
    }

    for (int step = 0; step <= rule.steps; ++step)
    {
        const float origin = best.minimum;
        const float grid = (rule.first + 0.1f * static_cast<float>(step) + top) / (high - origin);
        int level[32];
        float sum_l = 0, sum_l2 = 0, sum_xl = 0;
        for (int i = 0; i < rule.count; ++i)
        {
            level[i] = clamp_level(nearest(grid * (x[i] - origin)), 0, rule.levels);
            const float l = static_cast<float>(level[i]);
            sum_l += weight[i] * l;
            sum_l2 += weight[i] * l * l;
            sum_xl += weight[i] * l * x[i];
        }
        const float determinant = sum_w * sum_l2 - sum_l * sum_l;
        if (!(determinant > 0))
            continue;
        float scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
        float minimum = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
        if (minimum > 0)
        {
            minimum = 0;
            scale = sum_xl / sum_l2;
        }
        float error = 0;
        for (int i = 0; i < rule.count; ++i)
        {
            float difference = scale * static_cast<float>(level[i]) + minimum - x[i];
            difference = rule.absolute ? std::fabs(difference) : difference * difference;
            error += weight[i] * difference;
        }
        if (error < best_error)
        {
            best_error = error;
            best = {scale, minimum, grid, origin};
        }
    }
    best.minimum = -best.minimum;
    return best;
}

// 6-bit: returns the scale, and in `grid` the grid whose levels are kept (0: all-zero block, whose stored levels are 0 and not the middle).
inline float fit_linear(const float* x, float& grid)
{
    constexpr int count = 16, levels = 32;
    float extreme = 0, magnitude = 0;
    for (int i = 0; i < count; ++i)
    {
        const float a = std::fabs(x[i]);
        if (a > magnitude)
        {
            magnitude = a;
            extreme = x[i];
        }
    }
    grid = 0;
    if (magnitude < kZeroBlock)
        return 0;

    float scale = 0, best = 0;
    for (int attempt = -10; attempt <= 9; ++attempt)
    {
        // The unstretched grid comes first, unconditionally; then −9..9 without 0.
        if (attempt == 0)
            continue;
        const bool first = attempt == -10;
        const float candidate = first ? -levels / extreme : -(levels + 0.1f * static_cast<float>(attempt)) / extreme;
        float sum_lx = 0, sum_l2 = 0;
        for (int i = 0; i < count; ++i)
        {
            const float l = static_cast<float>(clamp_level(nearest(candidate * x[i]), -levels, levels - 1));
            const float w = x[i] * x[i];
            sum_lx += w * x[i] * l;
            sum_l2 += w * l * l;
        }
        if (first)
        {
            scale = sum_l2 != 0 ? sum_lx / sum_l2 : 0.0f;
            best = scale * sum_lx;
            grid = candidate;
        }
        else if (sum_l2 > 0 && sum_lx * sum_lx > best * sum_l2)
        {
            scale = sum_lx / sum_l2;
            best = scale * sum_lx;
            grid = candidate;
        }
    }
    return scale;
}

// 3-bit: coordinate descent; `stored` receives the levels, 0..7.
inline float fit_descent(const float* x, int8_t* stored)
{
    constexpr int count = 16, levels = 4;
    float extreme = 0, magnitude = 0;
    for (int i = 0; i < count; ++i)
    {
        const float a = std::fabs(x[i]);
        if (a > magnitude)
        {
            magnitude = a;
            extreme = x[i];
        }
    }
    if (magnitude < kZeroBlock)
    {
        for (int i = 0; i < count; ++i)
            stored[i] = 0;
        return 0;
    }
    const float grid = -levels / extreme;
    int level[count];
    float sum_lx = 0, sum_l2 = 0;
    for (int i = 0; i < count; ++i)
    {
        level[i] = clamp_level(nearest(grid * x[i]), -levels, levels - 1);
        const float l = static_cast<float>(level[i]);
        const float w = x[i] * x[i];
        sum_lx += w * x[i] * l;
        sum_l2 += w * l * l;
    }
    for (int round = 0; round < 5; ++round)
    {
        bool changed = false;
        for (int i = 0; i < count; ++i)
        {
            const float w = x[i] * x[i];
            const float l = static_cast<float>(level[i]);
            float rest_lx = sum_lx - w * x[i] * l;
            if (!(rest_lx > 0))
                continue;
            float rest_l2 = sum_l2 - w * l * l;
            const int candidate = clamp_level(nearest(x[i] * rest_l2 / rest_lx), -levels, levels - 1);
            if (candidate == level[i])
                continue;
            const float c = static_cast<float>(candidate);
            rest_lx += w * x[i] * c;
            rest_l2 += w * c * c;
            if (rest_l2 > 0 && rest_lx * rest_lx * sum_l2 > sum_lx * sum_lx * rest_l2)
            {
                level[i] = candidate;
                sum_lx = rest_lx;
                sum_l2 = rest_l2;
                changed = true;
            }
        }
        if (!changed)
            break;
    }
    for (int i = 0; i < count; ++i)
        stored[i] = static_cast<int8_t>(level[i] + levels);
    return sum_l2 > 0.0f ? sum_lx / sum_l2 : 0.0f;
}
}
}
