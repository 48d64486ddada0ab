// The simple types again, kGroup blocks at a time: the scales of a group are computed in vectors (one division, one conversion to half), and no branch depends
// on the data. The bytes are those of simple_blocks.h, whose functions take the groups that hold a tiny, huge or not finite block, and what is left of a row.
#pragma once
#include "../common/half.h"
#include "../common/lanes.h"
#include "formats.h"
#include "simple_blocks.h"

namespace t2k
{
namespace
{
constexpr int kGroup = 16;

// What the levels of a group's blocks are computed from.
struct GroupScales
{
    alignas(64) float low[kGroup], inverse[kGroup];
    alignas(64) uint16_t d[kGroup], m[kGroup];
};

inline void halves_of(const float* values, uint16_t* halves)
{
#if defined(__AVX512F__)
    _mm256_store_si256(reinterpret_cast<__m256i*>(halves), _mm512_cvtps_ph(_mm512_load_ps(values), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif defined(__F16C__)
    for (int i = 0; i < kGroup; i += 8)
        _mm_store_si128(reinterpret_cast<__m128i*>(halves + i), _mm256_cvtps_ph(_mm256_load_ps(values + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#else
    for (int i = 0; i < kGroup; ++i)
        halves[i] = half_of(values[i]);
#endif
}

// d and 1/d of every block; false where a block needs the guarded form.
inline bool scales_of(const float* step, GroupScales& scales)
{
    vi sound = vi{} == 0;
    for (int i = 0; i < kGroup; i += T2_LANES)
    {
        const vf d = load(step + i);
        const vf inverse = select(d != 0.0f, 1.0f / d, vf{});
        sound &= magnitude(inverse) < kHugeRange; // not for NaN either
        sound &= magnitude(d) < kHugeRange;
        store(scales.inverse + i, inverse);
    }
    halves_of(step, scales.d);
    return !any(~sound);
}

// The signed extreme of every block over −Half.
template <int Half>
inline bool symmetric_scales(const float* x, GroupScales& scales)
{
    alignas(64) float low[kGroup], high[kGroup];
    for (int b = 0; b < kGroup; ++b)
    {
        vf least = load(x + b * kSmall), most = least;
        for (int v = 1; v < kVectors; ++v)
        {
            const vf value = load(x + b * kSmall + v * T2_LANES);
            least = smaller(least, value);
            most = larger(most, value);
        }
        low[b] = -largest(-least);
        high[b] = largest(most);
    }
    vi tied{};
    for (int i = 0; i < kGroup; i += T2_LANES)
    {
        const vf l = load(low + i), h = load(high + i);
        tied |= (h == -l) & (h != 0.0f);
        const vf extreme = select(h > -l, h, l);
        store(low + i, select(extreme == 0.0f, vf{}, extreme) / static_cast<float>(-Half));
    }
    if (any(tied)) // which of ±a comes first
        return false;
    return scales_of(low, scales);
}

// (highest − lowest)/Most of every block, and the lowest.
template <int Most>
inline bool affine_scales(const float* x, GroupScales& scales)
{
    alignas(64) float step[kGroup];
    for (int b = 0; b < kGroup; ++b)
    {
        const Range range = range_of(x + b * kSmall);
        scales.low[b] = range.low;
        step[b] = range.high - range.low;
    }
    for (int i = 0; i < kGroup; i += T2_LANES)
        store(step + i, load(step + i) / static_cast<float>(Most));
    halves_of(scales.low, scales.m);
    vi sound = vi{} == 0;
    for (int i = 0; i < kGroup; i += T2_LANES)
        sound &= magnitude(load(scales.low + i)) < kHugeRange;
    return scales_of(step, scales) && !any(~sound);
}

// Bit 4 of every lane, lane 0 lowest.
inline uint32_t fifth_bits_of(vi level)
{
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask(reinterpret_cast<__m512i>(level), _mm512_set1_epi32(16));
#elif defined(__AVX2__)
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_slli_epi32(reinterpret_cast<__m256i>(level), 27))));
#else
    uint32_t bits = 0;
    for (int i = 0; i < T2_LANES; ++i)
        bits |= static_cast<uint32_t>((level[i] >> 4) & 1) << i;
    return bits;
#endif
}

// level = min(trunc((x − low)·inverse + shift), most): nibbles, and the fifth bits as the result.
inline uint32_t pack_levels(const float* x, float low, float inverse, float shift, int most, uint8_t* qs)
{
    constexpr int half = kVectors / 2;
    uint32_t fifth = 0;
    for (int v = 0; v < half; ++v)
    {
        vi first = __builtin_convertvector((load(x + v * T2_LANES) - low) * inverse + shift, vi);
        vi second = __builtin_convertvector((load(x + (v + half) * T2_LANES) - low) * inverse + shift, vi);
        first = first < most ? first : splat(most);
        second = second < most ? second : splat(most);
        narrow((first & 15) | ((second & 15) << 4), qs + v * T2_LANES);
        if (most > 15)
            fifth |= fifth_bits_of(first) << (v * T2_LANES) | fifth_bits_of(second) << ((v + half) * T2_LANES);
    }
    return fifth;
}

inline bool quantize_q4_0_group(const float* x, uint8_t* out)
{
    GroupScales s;
    if (!symmetric_scales<8>(x, s))
        return false;
    for (int b = 0; b < kGroup; ++b)
    {
        auto& y = *(reinterpret_cast<BlockQ4_0*>(out) + b);
        y.d = s.d[b];
        pack_levels(x + b * kSmall, 0.0f, s.inverse[b], 8.5f, 15, y.qs);
    }
    return true;
}

inline bool quantize_q5_0_group(const float* x, uint8_t* out)
{
    GroupScales s;
    if (!symmetric_scales<16>(x, s))
        return false;
    for (int b = 0; b < kGroup; ++b)
    {
        auto& y = *(reinterpret_cast<BlockQ5_0*>(out) + b);
        y.d = s.d[b];
        const uint32_t fifth = pack_levels(x + b * kSmall, 0.0f, s.inverse[b], 16.5f, 31, y.qs);
        std::memcpy(y.qh, &fifth, sizeof fifth);
    }
    return true;
}

inline bool quantize_q4_1_group(const float* x, uint8_t* out)
{
    GroupScales s;
    if (!affine_scales<15>(x, s))
        return false;
    for (int b = 0; b < kGroup; ++b)
    {
        auto& y = *(reinterpret_cast<BlockQ4_1*>(out) + b);
        y.d = s.d[b];
        y.m = s.m[b];
        pack_levels(x + b * kSmall, s.low[b], s.inverse[b], 0.5f, 15, y.qs);
    }
    return true;
}

inline bool quantize_q5_1_group(const float* x, uint8_t* out)
{
    GroupScales s;
    if (!affine_scales<31>(x, s))
        return false;
    for (int b = 0; b < kGroup; ++b)
    {
        auto& y = *(reinterpret_cast<BlockQ5_1*>(out) + b);
        y.d = s.d[b];
        y.m = s.m[b];
        const uint32_t fifth = pack_levels(x + b * kSmall, s.low[b], s.inverse[b], 0.5f, 31, y.qs);
        std::memcpy(y.qh, &fifth, sizeof fifth);
    }
    return true;
}

// Half away from zero: adding the float below ½ and truncating is exact for |v| ≤ 128 (checked over every float of that range).
inline bool quantize_q8_0_group(const float* x, uint8_t* out)
{
    constexpr float below_half = 0x1.fffffep-2f;
    alignas(64) float most[kGroup];
    for (int b = 0; b < kGroup; ++b)
    {
        vf size = magnitude(load(x + b * kSmall));
        for (int v = 1; v < kVectors; ++v)
            size = larger(size, magnitude(load(x + b * kSmall + v * T2_LANES)));
        most[b] = largest(size);
    }
    for (int i = 0; i < kGroup; i += T2_LANES)
        store(most + i, load(most + i) / 127.0f);
    GroupScales s;
    if (!scales_of(most, s))
        return false;
    for (int b = 0; b < kGroup; ++b)
    {
        auto& y = *(reinterpret_cast<BlockQ8_0*>(out) + b);
        y.d = s.d[b];
        for (int v = 0; v < kVectors; ++v)
        {
            const vf value = load(x + b * kSmall + v * T2_LANES) * s.inverse[b];
            const vi nudge = (as_int(value) & INT32_MIN) | as_int(splat(below_half));
            narrow(__builtin_convertvector(value + as_float(nudge), vi), y.qs + v * T2_LANES);
        }
    }
    return true;
}
}
}
