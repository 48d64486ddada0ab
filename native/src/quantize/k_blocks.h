// From the fits of a super-block's sub-blocks to its bytes: quantise the scales (and mins) themselves, recompute the levels under the quantised scales, pack.
// The levels of a sub-block whose scale rounds to zero stay those of its search.
#pragma once
#include "../common/lanes.h"
#include "formats.h"
#include "scalar_search.h"
#include <cstring>

namespace t2k
{
namespace
{
inline int narrow6(int value) // a byte, then at most 63
{
    const int byte = value & 0xFF;
    return byte < 63 ? byte : 63;
}

// Levels of one sub-block under scale d and offset: nearest((x + offset)/d), clamped.
template <int Count>
inline void requantize(const float* x, float offset, float d, int low, int high, int shift, uint8_t* level)
{
    static_assert(Count % T2_LANES == 0);
    for (int i = 0; i < Count; i += T2_LANES)
    {
        vi l = (as_int((load(x + i) + offset) / d + 12582912.0f) & 0x007FFFFF) - 0x00400000; // nearest(), with its wrap
        l = l > low ? l : splat(low);
        l = l < high ? l : splat(high);
        narrow(l + shift, level + i);
    }
}

template <int Count>
inline void searched_levels(const float* x, const AffineFit& fit, int high, uint8_t* level)
{
    for (int i = 0; i < Count; ++i)
        level[i] = fit.grid == 0 ? uint8_t{0} : static_cast<uint8_t>(clamp_level(nearest(fit.grid * (x[i] - fit.origin)), 0, high));
}

inline void unpack_scale_min(int j, const uint8_t* packed, int& scale, int& minimum)
{
    if (j < 4)
    {
        scale = packed[j] & 63;
        minimum = packed[j + 4] & 63;
    }
    else
    {
        scale = (packed[j + 4] & 0xF) | ((packed[j - 4] >> 6) << 4);
        minimum = (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4);
    }
}

// Shared by Q4_K and Q5_K: 6-bit scales and mins of eight sub-blocks, then the 256 levels.
template <class Block>
inline void finish_affine32(const float* x, const AffineFit* fit, int high, Block& y, uint8_t* level)
{
    uint8_t packed[12];
    float max_scale = 0, max_min = 0;
    for (int j = 0; j < 8; ++j)
    {
        if (fit[j].scale > max_scale)
            max_scale = fit[j].scale;
        if (fit[j].minimum > max_min)
            max_min = fit[j].minimum;
    }
    const float inverse_scale = max_scale > 0 ? 63.0f / max_scale : 0.0f;
    const float inverse_min = max_min > 0 ? 63.0f / max_min : 0.0f;
    for (int j = 0; j < 8; ++j)
    {
        const int s = narrow6(nearest(inverse_scale * fit[j].scale));
        const int m = narrow6(nearest(inverse_min * fit[j].minimum));
        if (j < 4)
        {
            packed[j] = static_cast<uint8_t>(s);
            packed[j + 4] = static_cast<uint8_t>(m);
        }
        else
        {
            packed[j + 4] = static_cast<uint8_t>((s & 0xF) | ((m & 0xF) << 4));
            packed[j - 4] = static_cast<uint8_t>(packed[j - 4] | ((s >> 4) << 6));
            packed[j] = static_cast<uint8_t>(packed[j] | ((m >> 4) << 6));
        }
    }
    const uint16_t d = half_of(max_scale / 63.0f), dmin = half_of(max_min / 63.0f);
    y.d = d;
    y.dmin = dmin;
    std::memcpy(y.scales, packed, sizeof packed);
    for (int j = 0; j < 8; ++j)
    {
        int s, m;
        unpack_scale_min(j, packed, s, m);
        const float step = float_of_half(d) * static_cast<float>(s);
        if (step == 0)
            searched_levels<32>(x + 32 * j, fit[j], high, level + 32 * j);
        else
            requantize<32>(x + 32 * j, float_of_half(dmin) * static_cast<float>(m), step, 0, high, 0, level + 32 * j);
    }
}

inline void finish_q4_k(const float* x, const AffineFit* fit, uint8_t* out)
{
    auto& y = *reinterpret_cast<BlockQ4_K*>(out);
    uint8_t level[256];
    finish_affine32(x, fit, 15, y, level);
    for (int j = 0; j < 4; ++j)
        for (int i = 0; i < 32; ++i)
            y.qs[32 * j + i] = static_cast<uint8_t>(level[64 * j + i] | (level[64 * j + 32 + i] << 4));
}

inline void finish_q5_k(const float* x, const AffineFit* fit, uint8_t* out)
{
    auto& y = *reinterpret_cast<BlockQ5_K*>(out);
    uint8_t level[256];
    finish_affine32(x, fit, 31, y, level);
    for (int i = 0; i < 32; ++i)
    {
        int high = 0;
        for (int j = 0; j < 8; ++j)
            high |= (level[32 * j + i] >> 4) << j;
        y.qh[i] = static_cast<uint8_t>(high);
    }
    for (int j = 0; j < 4; ++j)
        for (int i = 0; i < 32; ++i)
            y.qs[32 * j + i] = static_cast<uint8_t>((level[64 * j + i] & 15) | ((level[64 * j + 32 + i] & 15) << 4));
}

// Four levels of two bits to a byte, 32 values apart.
inline void pack_quarters(const uint8_t* level, uint8_t* qs)
{
    for (int j = 0; j < 2; ++j)
        for (int i = 0; i < 32; ++i)
        {
            const uint8_t* l = level + 128 * j + i;
            qs[32 * j + i] = static_cast<uint8_t>((l[0] & 3) | ((l[32] & 3) << 2) | ((l[64] & 3) << 4) | ((l[96] & 3) << 6));
        }
}

inline void finish_q2_k(const float* x, const AffineFit* fit, uint8_t* out)
{
    auto& y = *reinterpret_cast<BlockQ2_K*>(out);
    uint8_t level[256];
    float max_scale = 0, max_min = 0;
    for (int j = 0; j < 16; ++j)
    {
        if (fit[j].scale > max_scale)
            max_scale = fit[j].scale;
        if (fit[j].minimum > max_min)
            max_min = fit[j].minimum;
    }
    const float inverse_scale = max_scale > 0 ? 15.0f / max_scale : 0.0f;
    const float inverse_min = max_min > 0 ? 15.0f / max_min : 0.0f;
    for (int j = 0; j < 16; ++j)
    {
        int packed = max_scale > 0 ? nearest(inverse_scale * fit[j].scale) & 0xFF : 0;
        if (max_min > 0)
            packed |= (nearest(inverse_min * fit[j].minimum) << 4) & 0xFF;
        y.scales[j] = static_cast<uint8_t>(packed);
    }
    y.d = half_of(max_scale > 0 ? max_scale / 15.0f : 0.0f);
    y.dmin = half_of(max_min > 0 ? max_min / 15.0f : 0.0f);
    for (int j = 0; j < 16; ++j)
    {
        const float step = float_of_half(y.d) * static_cast<float>(y.scales[j] & 15);
        if (step == 0)
            searched_levels<16>(x + 16 * j, fit[j], 3, level + 16 * j);
        else
            requantize<16>(x + 16 * j, float_of_half(y.dmin) * static_cast<float>(y.scales[j] >> 4), step, 0, 3, 0, level + 16 * j);
    }
    pack_quarters(level, y.qs);
}

// scale[16], and `level` holding the searches' levels (0..7); `level` is overwritten.
inline void finish_q3_k(const float* x, const float* scale, uint8_t* level, uint8_t* out)
{
    auto& y = *reinterpret_cast<BlockQ3_K*>(out);
    float extreme = 0, magnitude = 0;
    for (int j = 0; j < 16; ++j)
        if (std::fabs(scale[j]) > magnitude)
        {
            magnitude = std::fabs(scale[j]);
            extreme = scale[j];
        }
    std::memset(y.scales, 0, sizeof y.scales);
    y.d = half_of(0.0f);
    int quantized[16] = {};
    if (extreme != 0)
    {
        const float inverse = -32.0f / extreme;
        for (int j = 0; j < 16; ++j)
        {
            const int s = clamp_level(static_cast<int8_t>(nearest(inverse * scale[j])), -32, 31) + 32;
            quantized[j] = s;
            y.scales[j % 8] = static_cast<uint8_t>(y.scales[j % 8] | ((s & 15) << (j < 8 ? 0 : 4)));
            y.scales[8 + j % 4] = static_cast<uint8_t>(y.scales[8 + j % 4] | ((s >> 4) << (2 * (j / 4))));
        }
        y.d = half_of(1 / inverse);
    }
    for (int j = 0; j < 16; ++j)
    {
        const float step = float_of_half(y.d) * static_cast<float>(quantized[j] - 32);
        if (step != 0)
            requantize<16>(x + 16 * j, 0.0f, step, -4, 3, 4, level + 16 * j);
    }
    for (int i = 0; i < 32; ++i)
    {
        int mask = 0;
        for (int j = 0; j < 8; ++j)
            mask |= (level[32 * j + i] >> 2) << j;
        y.hmask[i] = static_cast<uint8_t>(mask);
    }
    pack_quarters(level, y.qs);
}

// scale[16] and the grids of the searches (0: an all-zero sub-block, whose levels are stored as 0).
inline void finish_q6_k(const float* x, const float* scale, const float* grid, uint8_t* out)
{
    auto& y = *reinterpret_cast<BlockQ6_K*>(out);
    float extreme = 0, magnitude = 0;
    for (int j = 0; j < 16; ++j)
        if (std::fabs(scale[j]) > magnitude)
        {
            magnitude = std::fabs(scale[j]);
            extreme = scale[j];
        }
    if (magnitude < kZeroBlock)
    {
        std::memset(out, 0, sizeof y);
        return;
    }
    const float inverse = -128.0f / extreme;
    y.d = half_of(1 / inverse);
    uint8_t level[256];
    for (int j = 0; j < 16; ++j)
    {
        const int s = nearest(inverse * scale[j]);
        y.scales[j] = static_cast<int8_t>(s < 127 ? s : 127);
        const float* v = x + 16 * j;
        uint8_t* l = level + 16 * j;
        const float step = float_of_half(y.d) * static_cast<float>(y.scales[j]);
        if (step != 0)
            requantize<16>(v, 0.0f, step, -32, 31, 32, l);
        else
            for (int i = 0; i < 16; ++i)
                l[i] = grid[j] == 0 ? uint8_t{0} : static_cast<uint8_t>(clamp_level(nearest(grid[j] * v[i]), -32, 31) + 32);
    }
    for (int h = 0; h < 2; ++h)
        for (int i = 0; i < 32; ++i)
        {
            const uint8_t* l = level + 128 * h + i;
            y.ql[64 * h + i] = static_cast<uint8_t>((l[0] & 15) | ((l[64] & 15) << 4));
            y.ql[64 * h + 32 + i] = static_cast<uint8_t>((l[32] & 15) | ((l[96] & 15) << 4));
            y.qh[32 * h + i] = static_cast<uint8_t>((l[0] >> 4) | ((l[32] >> 4) << 2) | ((l[64] >> 4) << 4) | ((l[96] >> 4) << 6));
        }
}

// One super-block through the scalar searches.
inline void quantize_q2_k(const float* x, uint8_t* y)
{
    AffineFit fit[16];
    for (int j = 0; j < 16; ++j)
        fit[j] = fit_affine(kRuleQ2, x + 16 * j);
    finish_q2_k(x, fit, y);
}

inline void quantize_q3_k(const float* x, uint8_t* y)
{
    float scale[16];
    uint8_t level[256];
    for (int j = 0; j < 16; ++j)
        scale[j] = fit_descent(x + 16 * j, reinterpret_cast<int8_t*>(level) + 16 * j);
    finish_q3_k(x, scale, level, y);
}

inline void quantize_q4_k(const float* x, uint8_t* y)
{
    AffineFit fit[8];
    for (int j = 0; j < 8; ++j)
        fit[j] = fit_affine(kRuleQ4, x + 32 * j);
    finish_q4_k(x, fit, y);
}

inline void quantize_q5_k(const float* x, uint8_t* y)
{
    AffineFit fit[8];
    for (int j = 0; j < 8; ++j)
        fit[j] = fit_affine(kRuleQ5, x + 32 * j);
    finish_q5_k(x, fit, y);
}

inline void quantize_q6_k(const float* x, uint8_t* y)
{
    float scale[16], grid[16];
    for (int j = 0; j < 16; ++j)
        scale[j] = fit_linear(x + 16 * j, grid[j]);
    finish_q6_k(x, scale, grid, y);
}
}
}
