// Types whose blocks of 32 values have one scale (and one minimum): Q4_0, Q4_1, Q5_0, Q5_1, Q8_0. One pass for the extremes, one for the levels.
// Vectors run along the block: minimum, maximum and the levels do not depend on the order. What does — which of ±a comes first, the sign of a zero
// minimum — is looked up in order in the rare block where it matters. Blocks with a tiny or not finite range take the guarded scalar levels.
#pragma once
#include "../common/half.h"
#include "../common/lanes.h"
#include "formats.h"
#include <cmath>

namespace t2k
{
namespace
{
constexpr int kSmall = 32;
constexpr int kVectors = kSmall / T2_LANES;
constexpr float kTinyRange = 1e-30f;
constexpr float kHugeRange = 1e30f;

struct Range
{
    float low, high;
};

inline Range range_of(const float* x)
{
    vf low = load(x), high = low;
    for (int v = 1; v < kVectors; ++v)
    {
        const vf value = load(x + v * T2_LANES);
        low = smaller(low, value);
        high = larger(high, value);
    }
    Range range{-largest(-low), largest(high)};
    if (range.low == 0)
        for (int i = 0; i < kSmall; ++i)
            if (x[i] == 0)
            {
                range.low = x[i];
                range.high = range.high == 0 ? x[i] : range.high;
                break;
            }
    return range;
}

// The value of largest magnitude, with its sign; the first of equals; +0 for a block of zeros.
inline float extreme_of(const float* x)
{
    const Range range = range_of(x);
    if (range.high > -range.low)
        return range.high;
    if (range.high < -range.low)
        return range.low;
    if (range.high != 0)
        for (int i = 0; i < kSmall; ++i)
            if (std::fabs(x[i]) == range.high)
                return x[i];
    return 0.0f;
}

// level = min(trunc((x − low)·inverse + shift), most).
inline void grid_levels(const float* x, float low, float inverse, float shift, int most, uint8_t* level)
{
    if (std::fabs(inverse) < kHugeRange)
    {
        for (int v = 0; v < kVectors; ++v)
        {
            const vi l = __builtin_convertvector((load(x + v * T2_LANES) - low) * inverse + shift, vi);
            narrow(l < most ? l : splat(most), level + v * T2_LANES);
        }
        return;
    }
    for (int i = 0; i < kSmall; ++i)
    {
        const float value = (x[i] - low) * inverse + shift;
        const int l = std::fabs(value) < 128.0f ? static_cast<int>(value) & 0xFF : 0;
        level[i] = static_cast<uint8_t>(l < most ? l : most);
    }
}

inline void pack_nibbles(const uint8_t* level, uint8_t* qs)
{
    for (int i = 0; i < 16; ++i)
        qs[i] = static_cast<uint8_t>((level[i] & 15) | ((level[i + 16] & 15) << 4));
}

inline void pack_fifth_bits(const uint8_t* level, uint8_t* qh)
{
    uint32_t bits = 0;
    for (int i = 0; i < kSmall; ++i)
        bits |= static_cast<uint32_t>(level[i] >> 4) << i;
    std::memcpy(qh, &bits, sizeof bits);
}

inline float inverse_of(float d)
{
    return d != 0 ? 1.0f / d : 0.0f;
}

inline void quantize_q4_0(const float* x, uint8_t* out)
{
    uint8_t level[kSmall];
    auto& y = *reinterpret_cast<BlockQ4_0*>(out);
    const float d = extreme_of(x) / -8;
    y.d = half_of(d);
    grid_levels(x, 0.0f, inverse_of(d), 8.5f, 15, level);
    pack_nibbles(level, y.qs);
}

inline void quantize_q5_0(const float* x, uint8_t* out)
{
    uint8_t level[kSmall];
    auto& y = *reinterpret_cast<BlockQ5_0*>(out);
    const float d = extreme_of(x) / -16;
    y.d = half_of(d);
    grid_levels(x, 0.0f, inverse_of(d), 16.5f, 31, level);
    pack_nibbles(level, y.qs);
    pack_fifth_bits(level, y.qh);
}

inline void quantize_q4_1(const float* x, uint8_t* out)
{
    uint8_t level[kSmall];
    auto& y = *reinterpret_cast<BlockQ4_1*>(out);
    const Range range = range_of(x);
    const float d = (range.high - range.low) / 15;
    y.d = half_of(d);
    y.m = half_of(range.low);
    grid_levels(x, range.low, inverse_of(d), 0.5f, 15, level);
    pack_nibbles(level, y.qs);
}

inline void quantize_q5_1(const float* x, uint8_t* out)
{
    uint8_t level[kSmall];
    auto& y = *reinterpret_cast<BlockQ5_1*>(out);
    const Range range = range_of(x);
    const float d = (range.high - range.low) / 31;
    y.d = half_of(d);
    y.m = half_of(range.low);
    grid_levels(x, range.low, inverse_of(d), 0.5f, 31, level);
    pack_nibbles(level, y.qs);
    pack_fifth_bits(level, y.qh);
}

// round(v) half away from zero: truncate, then look at what was cut off (exact: |v| ≤ 128).
inline void quantize_q8_0(const float* x, uint8_t* out)
{
    auto& y = *reinterpret_cast<BlockQ8_0*>(out);
    vf size = magnitude(load(x));
    for (int v = 1; v < kVectors; ++v)
        size = larger(size, magnitude(load(x + v * T2_LANES)));
    const float most = largest(size);
    const float d = most / 127;
    const float inverse = inverse_of(d);
    y.d = half_of(d);
    if (inverse < kHugeRange)
        for (int v = 0; v < kVectors; ++v)
        {
            const vf value = load(x + v * T2_LANES) * inverse;
            const vi whole = __builtin_convertvector(value, vi);
            const vf rest = value - __builtin_convertvector(whole, vf);
            narrow(whole - (rest >= 0.5f) + (rest <= -0.5f), y.qs + v * T2_LANES);
        }
    else
        for (int i = 0; i < kSmall; ++i)
        {
            const float value = std::round(x[i] * inverse);
            y.qs[i] = std::fabs(value) < 128.0f ? static_cast<int8_t>(value) : int8_t{0};
        }
}
}
}
