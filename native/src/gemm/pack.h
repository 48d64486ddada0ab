// Packing of tiles, compiled once per instruction set (T2_LANES).
//
// fp32   out[d][lane]
// 16 bit out[d/2][lane][2]: depths in pairs, the unit of the dot-product instructions; an odd last depth is padded with zero.
//
// Fixed point: value ≈ step·q, one step per lane and block of depths, step = max(‖x‖/46000, max|x|/32767). Then ‖q_a‖·‖q_b‖ < 2³¹ and by Cauchy-Schwarz
// no sum of any subset of the products leaves 32 bits, whatever the values. Rounding error of q: rms 0.29·step; for a Gaussian lane of 256 values
// step = σ/2875, that is 1e-4 relative, against 1.7e-3 for bf16 at the same speed.
#pragma once
#include "../common/half.h"
#include "../common/lanes.h"
#include "gemm_kernels.h"
#include <cmath>

namespace t2k
{
namespace
{
constexpr int kMostLanes = 64;
constexpr float kNormLimit = 46000.0f;
constexpr float kLevelLimit = 32767.0f;

inline float scale_at(const TileSource& source, int64_t depth)
{
    return source.scale != nullptr ? source.scale[depth] : 1.0f;
}

inline void pack_tile_f32(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, float* out)
{
    if (source.lane_contiguous)
    {
        for (int64_t d = 0; d < depth; ++d, out += lanes)
        {
            const float* x = source.ptr[first + d] + source.first_lane;
            const float scale = scale_at(source, first + d);
            for (int lane = 0; lane < valid; ++lane)
                out[lane] = x[lane] * scale;
            for (int lane = valid; lane < lanes; ++lane)
                out[lane] = 0;
        }
        return;
    }
    for (int lane = 0; lane < lanes; ++lane)
        if (lane < valid)
        {
            const float* x = source.ptr[lane] + first;
            for (int64_t d = 0; d < depth; ++d)
                out[d * lanes + lane] = x[d];
        }
        else
            for (int64_t d = 0; d < depth; ++d)
                out[d * lanes + lane] = 0;
}

inline void step_of(float squares, float most, float& step, float& inverse)
{
    step = std::sqrt(squares) / kNormLimit;
    if (most / kLevelLimit > step)
        step = most / kLevelLimit;
    inverse = 1.0f / step;
    // Subnormal lanes (or an overflowing square) count as zero: below every destination's resolution.
    if (!(inverse < 1e38f) || !(step < 1e30f))
        step = inverse = 0;
}

// Nearest integer of |v| ≤ 32767.5 in the low half of each 32-bit lane.
inline vi rounded(vf v)
{
    return as_int(v + 12582912.0f);
}

inline void pack_tile_i16(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, int16_t* out, float* step)
{
    float inverse[kMostLanes];
    auto* pairs = reinterpret_cast<uint32_t*>(out);
    const int64_t half = (depth + 1) / 2;
    if (source.lane_contiguous)
    {
        float squares[kMostLanes] = {}, most[kMostLanes] = {};
        for (int64_t d = 0; d < depth; ++d)
        {
            const float* x = source.ptr[first + d] + source.first_lane;
            const float scale = scale_at(source, first + d);
            for (int lane = 0; lane < valid; ++lane)
            {
                const float v = x[lane] * scale;
                squares[lane] += v * v;
                const float a = std::fabs(v);
                most[lane] = most[lane] < a ? a : most[lane];
            }
        }
        for (int lane = 0; lane < lanes; ++lane)
            step_of(squares[lane], most[lane], step[lane], inverse[lane]);
        static const float zeros[kMostLanes] = {};
        for (int64_t h = 0; h < half; ++h, pairs += lanes)
        {
            const bool whole = 2 * h + 1 < depth;
            const float* x0 = source.ptr[first + 2 * h] + source.first_lane;
            const float* x1 = whole ? source.ptr[first + 2 * h + 1] + source.first_lane : zeros;
            const float s0 = scale_at(source, first + 2 * h), s1 = whole ? scale_at(source, first + 2 * h + 1) : 0;
            int lane = 0;
            for (; lane + T2_LANES <= valid; lane += T2_LANES)
            {
                const vf scale = load(inverse + lane);
                const vi q0 = rounded(load(x0 + lane) * s0 * scale), q1 = rounded(load(x1 + lane) * s1 * scale);
                const vi pair = (q0 & 0xFFFF) | (q1 << 16);
                std::memcpy(pairs + lane, &pair, sizeof pair);
            }
            for (; lane < lanes; ++lane)
            {
                const float v0 = lane < valid ? x0[lane] * s0 * inverse[lane] : 0, v1 = lane < valid ? x1[lane] * s1 * inverse[lane] : 0;
                pairs[lane] = (bits_of(v0 + 12582912.0f) & 0xFFFFu) | (bits_of(v1 + 12582912.0f) << 16);
            }
        }
        return;
    }
    for (int lane = 0; lane < lanes; ++lane)
    {
        if (lane >= valid)
        {
            step[lane] = 0;
            for (int64_t h = 0; h < half; ++h)
                pairs[h * lanes + lane] = 0;
            continue;
        }
        const float* x = source.ptr[lane] + first;
        vf squares{}, most{};
        int64_t d = 0;
        for (; d + T2_LANES <= depth; d += T2_LANES)
        {
            const vf v = load(x + d);
            squares += v * v;
            most = larger(most, magnitude(v));
        }
        float square = 0, size = 0;
        for (int i = 0; i < T2_LANES; ++i)
        {
            square += squares[i];
            size = most[i] > size ? most[i] : size;
        }
        for (; d < depth; ++d)
        {
            square += x[d] * x[d];
            size = std::fabs(x[d]) > size ? std::fabs(x[d]) : size;
        }
        float inv;
        step_of(square, size, step[lane], inv);
        alignas(64) uint32_t q[kBlockDepth];
        for (d = 0; d + T2_LANES <= depth; d += T2_LANES)
        {
            const vi value = rounded(load(x + d) * inv);
            std::memcpy(q + d, &value, sizeof value);
        }
        for (; d < depth; ++d)
            q[d] = bits_of(x[d] * inv + 12582912.0f);
        if (depth % 2 != 0)
            q[depth] = 0;
        for (int64_t h = 0; h < half; ++h)
            pairs[h * lanes + lane] = (q[2 * h] & 0xFFFFu) | (q[2 * h + 1] << 16);
    }
}

inline void pack_tile_bf16(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, uint16_t* out)
{
    auto* pairs = reinterpret_cast<uint32_t*>(out);
    const int64_t half = (depth + 1) / 2;
    const auto rounded_bits = [](float v) {
        const uint32_t bits = bits_of(v);
        return bits + 0x7FFFu + ((bits >> 16) & 1u); // bf16 in the upper half; inputs are finite
    };
    if (source.lane_contiguous)
    {
        for (int64_t h = 0; h < half; ++h, pairs += lanes)
        {
            const bool whole = 2 * h + 1 < depth;
            const float* x0 = source.ptr[first + 2 * h] + source.first_lane;
            const float* x1 = whole ? source.ptr[first + 2 * h + 1] + source.first_lane : x0;
            const float s0 = scale_at(source, first + 2 * h), s1 = whole ? scale_at(source, first + 2 * h + 1) : 0;
            for (int lane = 0; lane < valid; ++lane)
                pairs[lane] = (rounded_bits(x0[lane] * s0) >> 16) | (rounded_bits(x1[lane] * s1) & 0xFFFF0000u);
            for (int lane = valid; lane < lanes; ++lane)
                pairs[lane] = 0;
        }
        return;
    }
    for (int lane = 0; lane < lanes; ++lane)
    {
        alignas(64) uint32_t q[kBlockDepth];
        if (lane < valid)
        {
            const float* x = source.ptr[lane] + first;
            for (int64_t d = 0; d < depth; ++d)
                q[d] = rounded_bits(x[d]);
        }
        else
            std::memset(q, 0, sizeof q);
        if (depth % 2 != 0)
            q[depth] = 0;
        for (int64_t h = 0; h < half; ++h)
            pairs[h * lanes + lane] = (q[2 * h] >> 16) | (q[2 * h + 1] & 0xFFFF0000u);
    }
}
}
}
