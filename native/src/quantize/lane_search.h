// The searches of scalar_search.h with one sub-block per lane: every lane runs the scalar sequence of operations, so the bits are the scalar's.
//
// Layout: T2_LANES sub-blocks are transposed to x[i] = (value i of every sub-block). Shortcuts against the scalar form, none of which changes a bit:
//   - nearest() and the clamp run on the bit pattern of v + 1.5·2²³ (integers order as their bits do there), saving the conversions;
//   - levels are not kept; the winning grid is, and k_blocks.h recomputes levels from it in the rare case it needs them.
// The first needs |v| < 2²²: groups with a range outside 1e-30..1e30 (or not finite) return false and take the scalar form. Inside, |v| stays near the number
// of levels: a fitted minimum that came close to the highest value would have the larger error and not be kept.
// Rejected: vectorising inside a sub-block (a different order of summation), and over candidate grids (19 and 21 candidates fill 16 lanes badly).
#pragma once
#include "../common/lanes.h"
#include "scalar_search.h"

namespace t2k
{
namespace
{
constexpr float kSmallestRange = 1e-30f;
constexpr float kLargestRange = 1e30f;

// clamp(round(v), low, high) as fp32, for a v that 1.5·2²³ has been added to.
inline vf clamped(vf shifted, int low, int high)
{
    vi bits = as_int(shifted);
    const vi least = splat(0x4B400000 + low), most = splat(0x4B400000 + high);
    bits = bits > least ? bits : least;
    bits = bits < most ? bits : most;
    return as_float(bits) - 12582912.0f;
}

// clamp(nearest(v), low, high) as fp32.
inline vf clamped_level(vf v, int low, int high)
{
    return clamped(v + 12582912.0f, low, high);
}

#if defined(__AVX512F__)
// One square of 16×16: pairs, then fours, then whole 128-bit quarters change places.
inline void transpose_square(const float* const* sub, int first, vf* x)
{
    __m512 a[16], b[16];
    for (int i = 0; i < 16; ++i)
        a[i] = _mm512_loadu_ps(sub[i] + first);
    for (int i = 0; i < 16; i += 2)
    {
        b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; ++j)
        {
            const __m512d low = _mm512_castps_pd(b[i + j]), high = _mm512_castps_pd(b[i + 2 + j]);
            a[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            a[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    for (int i = 0; i < 4; ++i)
        for (int half = 0; half < 16; half += 8)
        {
            b[half + i] = _mm512_shuffle_f32x4(a[half + i], a[half + 4 + i], 0x88);
            b[half + 4 + i] = _mm512_shuffle_f32x4(a[half + i], a[half + 4 + i], 0xDD);
        }
    for (int i = 0; i < 8; ++i)
    {
        x[first + i] = reinterpret_cast<vf>(_mm512_shuffle_f32x4(b[i], b[8 + i], 0x88));
        x[first + 8 + i] = reinterpret_cast<vf>(_mm512_shuffle_f32x4(b[i], b[8 + i], 0xDD));
    }
}
#elif defined(__AVX2__)
// One square of 8×8, likewise.
inline void transpose_square(const float* const* sub, int first, vf* x)
{
    __m256 a[8], b[8];
    for (int i = 0; i < 8; ++i)
        a[i] = _mm256_loadu_ps(sub[i] + first);
    for (int i = 0; i < 8; i += 2)
    {
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; ++j)
        {
            const __m256d low = _mm256_castps_pd(b[i + j]), high = _mm256_castps_pd(b[i + 2 + j]);
            a[i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, high));
            a[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, high));
        }
    for (int i = 0; i < 4; ++i)
    {
        x[first + i] = reinterpret_cast<vf>(_mm256_permute2f128_ps(a[i], a[4 + i], 0x20));
        x[first + 4 + i] = reinterpret_cast<vf>(_mm256_permute2f128_ps(a[i], a[4 + i], 0x31));
    }
}
#else
inline void transpose_square(const float* const* sub, int first, vf* x)
{
    for (int lane = 0; lane < T2_LANES; ++lane)
        for (int i = 0; i < T2_LANES; ++i)
            x[first + i][lane] = sub[lane][first + i];
}
#endif

template <int Count>
inline void transpose(const float* const* sub, vf* x)
{
    static_assert(Count % T2_LANES == 0);
    for (int first = 0; first < Count; first += T2_LANES)
        transpose_square(sub, first, x);
}

template <int Count, int Levels, int Steps, bool Absolute>
inline bool fit_affine_lanes(const float* const* sub, float first, AffineFit* fit)
{
    vf x[Count], weight[Count], level[Count];
    transpose<Count>(sub, x);

    vf offset{};
    if (!Absolute)
    {
        vf square{};
        for (int i = 0; i < Count; ++i)
            square += x[i] * x[i];
        square /= static_cast<float>(Count);
        for (int lane = 0; lane < T2_LANES; ++lane)
            offset[lane] = __builtin_sqrtf(square[lane]);
    }
    for (int i = 0; i < Count; ++i)
        weight[i] = Absolute ? magnitude(x[i]) : offset + magnitude(x[i]);

    vf low = x[0], high = x[0];
    vf sum_w = weight[0];
    vf sum_x = sum_w * x[0];
    for (int i = 1; i < Count; ++i)
    {
        low = smaller(low, x[i]);
        high = larger(high, x[i]);
        sum_w += weight[i];
        sum_x += weight[i] * x[i];
    }
    low = low > 0.0f ? vf{} : low;
    const vf range = high - low;
    const vi flat = high == low;
    // Not-a-number fails every comparison, so it lands in "not sound" as well. Sums of squares stay finite below 1e18.
    const vi sound = (flat | ((range >= kSmallestRange) & (range <= kLargestRange))) & (sum_x - sum_x == 0.0f) & (sum_w <= kLargestRange);
    if (any(~sound))
        return false;

    const float top = static_cast<float>(Levels);
    vf best_grid = top / range;
    vf best_scale = 1.0f / best_grid;
    vf best_min = low;
    vf best_origin = low;
    vf best_error{};
    for (int i = 0; i < Count; ++i)
    {
        vf difference = best_scale * clamped_level(best_grid * (x[i] - low), 0, Levels) + low - x[i];
        difference = Absolute ? magnitude(difference) : difference * difference;
        best_error += weight[i] * difference;
    }

    for (int step = 0; step <= Steps; ++step)
    {
        const vf origin = best_min;
        const vf grid = (first + 0.1f * static_cast<float>(step) + top) / (high - origin);
        vf sum_l{}, sum_l2{}, sum_xl{};
        for (int i = 0; i < Count; ++i)
        {
            const vf l = clamped_level(grid * (x[i] - origin), 0, Levels);
            level[i] = l;
            const vf wl = weight[i] * l;
            sum_l += wl;
            sum_l2 += wl * l;
            sum_xl += wl * x[i];
        }
        const vf determinant = sum_w * sum_l2 - sum_l * sum_l;
        vf scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
        vf minimum = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
        const vi positive = minimum > 0.0f;
        scale = select(positive, sum_xl / sum_l2, scale);
        minimum = select(positive, vf{}, minimum);
        vf error{};
        for (int i = 0; i < Count; ++i)
        {
            vf difference = scale * level[i] + minimum - x[i];
            difference = Absolute ? magnitude(difference) : difference * difference;
            error += weight[i] * difference;
        }
        const vi better = (determinant > 0.0f) & (error < best_error);
        best_error = select(better, error, best_error);
        best_scale = select(better, scale, best_scale);
        best_min = select(better, minimum, best_min);
        best_grid = select(better, grid, best_grid);
        best_origin = select(better, origin, best_origin);
    }
    for (int lane = 0; lane < T2_LANES; ++lane)
        fit[lane] = flat[lane] ? AffineFit{0.0f, -low[lane], 0.0f, low[lane]} : AffineFit{best_scale[lane], -best_min[lane], best_grid[lane], best_origin[lane]};
    return true;
}

// The value of largest magnitude, the first of equals.
template <int Count>
inline void extremes(const vf* x, vf& extreme, vf& size)
{
    extreme = vf{};
    size = vf{};
    for (int i = 0; i < Count; ++i)
    {
        const vf a = magnitude(x[i]);
        extreme = select(a > size, x[i], extreme);
        size = larger(size, a);
    }
}

inline bool fit_linear_lanes(const float* const* sub, float* scales, float* grids)
{
    constexpr int count = 16, levels = 32;
    vf x[count], w[count], wx[count];
    transpose<count>(sub, x);
    vf extreme, size;
    extremes<count>(x, extreme, size);
    vf total{};
    for (int i = 0; i < count; ++i)
        total += x[i];
    const vi zero = size < kZeroBlock;
    if (any(~((size <= kLargestRange) & (total - total == 0.0f))))
        return false;
    for (int i = 0; i < count; ++i)
    {
        w[i] = x[i] * x[i];
        wx[i] = w[i] * x[i];
    }
    vf scale{}, best{}, best_grid{};
    for (int attempt = -10; attempt <= 9; ++attempt)
    {
        if (attempt == 0)
            continue;
        const bool first = attempt == -10;
        const vf grid = (first ? -static_cast<float>(levels) : -(levels + 0.1f * static_cast<float>(attempt))) / extreme;
        vf sum_lx{}, sum_l2{};
        for (int i = 0; i < count; ++i)
        {
            const vf l = clamped_level(grid * x[i], -levels, levels - 1);
            sum_lx += wx[i] * l;
            sum_l2 += w[i] * l * l;
        }
        const vf ratio = sum_lx / sum_l2;
        if (first)
        {
            scale = select(sum_l2 != 0.0f, ratio, vf{});
            best = scale * sum_lx;
            best_grid = grid;
            continue;
        }
        const vi better = (sum_l2 > 0.0f) & (sum_lx * sum_lx > best * sum_l2);
        scale = select(better, ratio, scale);
        best = select(better, ratio * sum_lx, best);
        best_grid = select(better, grid, best_grid);
    }
    store(scales, select(zero, vf{}, scale));
    store(grids, select(zero, vf{}, best_grid));
    return true;
}

// `stored` receives the levels 0..7 of sub-block `lane` at stored[16·lane ..].
inline bool fit_descent_lanes(const float* const* sub, float* scales, uint8_t* stored)
{
    constexpr int count = 16, levels = 4;
    vf x[count], w[count], wx[count], level[count];
    transpose<count>(sub, x);
    vf extreme, size;
    extremes<count>(x, extreme, size);
    vf total{};
    for (int i = 0; i < count; ++i)
        total += x[i];
    const vi zero = size < kZeroBlock;
    if (any(~((size <= kLargestRange) & (total - total == 0.0f))))
        return false;
    const vf grid = -static_cast<float>(levels) / extreme;
    vf sum_lx{}, sum_l2{};
    for (int i = 0; i < count; ++i)
    {
        w[i] = x[i] * x[i];
        wx[i] = w[i] * x[i];
        level[i] = clamped_level(grid * x[i], -levels, levels - 1);
        sum_lx += wx[i] * level[i];
        sum_l2 += w[i] * level[i] * level[i];
    }
    // A round that changes nothing in a lane changes nothing in any later round either, so lanes need no stop of their own.
    for (int round = 0; round < 5; ++round)
    {
        vi changed{};
        for (int i = 0; i < count; ++i)
        {
            vf rest_lx = sum_lx - wx[i] * level[i];
            vf rest_l2 = sum_l2 - w[i] * level[i] * level[i];
            const vi open = rest_lx > 0.0f;
            // The quotient can be huge: nearest() with its wrap, not the shortcut.
            vi candidate = (as_int(x[i] * rest_l2 / rest_lx + 12582912.0f) & 0x007FFFFF) - 0x00400000;
            candidate = candidate > -levels ? candidate : splat(-levels);
            candidate = candidate < levels - 1 ? candidate : splat(levels - 1);
            const vf c = __builtin_convertvector(candidate, vf);
            rest_lx += wx[i] * c;
            rest_l2 += w[i] * c * c;
            const vi take = open & (c != level[i]) & (rest_l2 > 0.0f) & (rest_lx * rest_lx * sum_l2 > sum_lx * sum_lx * rest_l2);
            level[i] = select(take, c, level[i]);
            sum_lx = select(take, rest_lx, sum_lx);
            sum_l2 = select(take, rest_l2, sum_l2);
            changed |= take;
        }
        if (!any(changed))
            break;
    }
    store(scales, select(zero | ~(sum_l2 > 0.0f), vf{}, sum_lx / sum_l2));
    for (int i = 0; i < count; ++i)
    {
        const vi l = __builtin_convertvector(level[i], vi) + levels;
        for (int lane = 0; lane < T2_LANES; ++lane)
            stored[16 * lane + i] = zero[lane] ? uint8_t{0} : static_cast<uint8_t>(l[lane]);
    }
    return true;
}
}
}
