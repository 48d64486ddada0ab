// Packing of tiles, compiled once per instruction set (T2_LANES).
//
// fp32    out[d][lane]
// 16 bit  out[d/2][lane][2], 8 bit out[d/4][lane][4]: depths in groups of 32 bits, the unit of the dot-product instructions; missing depths are zero.
//
// Fixed point: value ≈ step·q, one step per lane and block of depths.
//   int16  step = max(‖x‖/46000, max|x|/32767). Then ‖q_a‖·‖q_b‖ < 2³¹ and by Cauchy-Schwarz no sum of any subset of the products leaves 32 bits, whatever
//          the values. Rounding of q: rms 0.29·step; for a Gaussian lane of 256 values step = σ/2875: 1e-4 relative, against 1.7e-3 for bf16 at the same speed.
//   int8   step = max|x|/127: 7e-3 relative for a Gaussian lane, at twice the speed. The instruction multiplies unsigned by signed bytes: A is stored with 128
//          added, and each lane of B brings −128·Σq to add to the sum.
#pragma once
#include "../common/half.h"
#include "../common/lanes.h"
#include "gemm_kernels.h"
#include <cmath>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace t2k
{
namespace
{
constexpr int kMostLanes = 4 * T2_LANES; // of a tile

inline float scale_at(const TileSource& source, int64_t depth)
{
    return source.scale != nullptr ? source.scale[depth] : 1.0f;
}

constexpr int64_t kAhead = 16; // rows

// The cache lines of `count` values.
inline void prefetch_lanes(const float* x, int count)
{
    for (int lane = 0; lane < count; lane += 16)
        __builtin_prefetch(x + lane);
    __builtin_prefetch(x + count - 1);
}

inline void pack_tile_f32(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, float* out)
{
    if (source.lane_contiguous)
    {
        for (int64_t d = 0; d < depth; ++d, out += lanes)
        {
            const float* x = source.ptr[first + d] + source.first_lane;
            const float scale = scale_at(source, first + d);
            if (d + kAhead < depth)
                prefetch_lanes(source.ptr[first + d + kAhead] + source.first_lane, valid);
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

// The first `count` lanes from or to memory (the rest zero, untouched). A copy of variable length would go through the stack and stall.
inline vf load_some(const float* p, int count)
{
#if defined(__AVX512F__)
    return reinterpret_cast<vf>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p));
#elif defined(__AVX2__)
    return reinterpret_cast<vf>(_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))));
#else
    vf v{};
    for (int i = 0; i < count; ++i)
        v[i] = p[i];
    return v;
#endif
}

inline void store_some(uint32_t* p, vi v, int count)
{
#if defined(__AVX512F__)
    _mm512_mask_storeu_epi32(p, static_cast<__mmask16>((1u << count) - 1), reinterpret_cast<__m512i>(v));
#elif defined(__AVX2__)
    _mm256_maskstore_epi32(reinterpret_cast<int*>(p), _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
                           reinterpret_cast<__m256i>(v));
#else
    for (int i = 0; i < count; ++i)
        p[i] = static_cast<uint32_t>(v[i]);
#endif
}

// How values become integers; Group of them fill 32 bits.
struct Fixed16
{
    static constexpr int kGroup = 2;
    static constexpr int32_t kMask = 0xFFFF;
    using Integer = int16_t;

    static float step(float squares, float most)
    {
        const float by_norm = std::sqrt(squares) / 46000.0f, by_size = most / 32767.0f;
        return by_norm > by_size ? by_norm : by_size;
    }
};

struct Fixed8
{
    static constexpr int kGroup = 4;
    static constexpr int32_t kMask = 0xFF;
    using Integer = int8_t;

    static float step(float, float most) { return most / 127.0f; }
};

// 1/step; subnormal lanes (or an overflowing square) count as zero: below every destination's resolution.
template <class Fixed>
inline float inverse_step(float squares, float most, float& step)
{
    step = Fixed::step(squares, most);
    const float inverse = 1.0f / step;
    if (inverse < 1e38f && step < 1e30f)
        return inverse;
    step = 0;
    return 0;
}

// Nearest integer of |v| < 2²², in the low bits of each lane.
inline vi rounded(vf v)
{
    return as_int(v + 12582912.0f);
}

// sums (per lane, may be null) receives Σq. Chunks vectors hold a tile's lanes; depths run outside, so that every row is read along its cache lines.
template <class Fixed, int Chunks>
inline void pack_across(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, uint32_t* words, float* step, int32_t* sums)
{
    constexpr int group = Fixed::kGroup, shift = 32 / group;
    int real[Chunks];
    bool whole = true;
    for (int c = 0; c < Chunks; ++c)
    {
        const int left = valid - c * T2_LANES;
        real[c] = left < 0 ? 0 : (left < T2_LANES ? left : T2_LANES);
        whole &= real[c] == T2_LANES;
    }
    // Rows are often a power of two's multiple apart, so that few of them fit the first-level cache at once: each is read once, ahead of time, and kept here.
    vf kept[kMostDepth * Chunks];
    vf squares[Chunks] = {}, most[Chunks] = {}, inverse[Chunks] = {};
    for (int64_t d = 0; d < depth; ++d)
    {
        const float* x = source.ptr[first + d] + source.first_lane;
        const float scale = scale_at(source, first + d);
        if (d + kAhead < depth)
            prefetch_lanes(source.ptr[first + d + kAhead] + source.first_lane, valid);
        for (int c = 0; c < Chunks; ++c)
        {
            const vf v = (whole ? load(x + c * T2_LANES) : load_some(x + c * T2_LANES, real[c])) * scale;
            kept[d * Chunks + c] = v;
            squares[c] += v * v;
            most[c] = larger(most[c], magnitude(v));
        }
    }
    for (int lane = 0; lane < lanes; ++lane)
        inverse[lane / T2_LANES][lane % T2_LANES] =
            inverse_step<Fixed>(squares[lane / T2_LANES][lane % T2_LANES], most[lane / T2_LANES][lane % T2_LANES], step[lane]);
    vi total[Chunks] = {};
    for (int64_t d = 0; d < depth; d += group, words += lanes)
        for (int c = 0; c < Chunks; ++c)
        {
            vi word{};
            for (int i = 0; i < group; ++i)
                if (d + i < depth)
                {
                    const vi q = rounded(kept[(d + i) * Chunks + c] * inverse[c]);
                    word |= (q & Fixed::kMask) << (i * shift);
                    total[c] += q - 0x4B400000;
                }
            const int width = lanes - c * T2_LANES < T2_LANES ? lanes - c * T2_LANES : T2_LANES;
            if (width == T2_LANES)
                std::memcpy(words + c * T2_LANES, &word, sizeof word);
            else
                store_some(words + c * T2_LANES, word, width);
        }
    if (sums != nullptr)
        for (int lane = 0; lane < lanes; ++lane)
            sums[lane] = total[lane / T2_LANES][lane % T2_LANES];
}

template <class Fixed>
inline void pack_across(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, uint32_t* words, float* step, int32_t* sums)
{
    switch ((lanes + T2_LANES - 1) / T2_LANES)
    {
    case 1:
        return pack_across<Fixed, 1>(source, lanes, valid, first, depth, words, step, sums);
    case 2:
        return pack_across<Fixed, 2>(source, lanes, valid, first, depth, words, step, sums);
    case 3:
        return pack_across<Fixed, 3>(source, lanes, valid, first, depth, words, step, sums);
    default:
        return pack_across<Fixed, 4>(source, lanes, valid, first, depth, words, step, sums);
    }
}

template <class Fixed>
inline void pack_along(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, uint32_t* words, float* step, int32_t* sums)
{
    constexpr int group = Fixed::kGroup;
    const int64_t groups = (depth + group - 1) / group;
    alignas(64) typename Fixed::Integer q[kMostDepth];
    for (int lane = 0; lane < lanes; ++lane)
    {
        step[lane] = 0;
        int32_t total = 0;
        if (lane >= valid)
            std::memset(q, 0, sizeof q);
        else
        {
            const float* x = source.ptr[lane] + first;
            vf squares{}, most{};
            const int64_t whole = depth / T2_LANES * T2_LANES;
            const int rest = static_cast<int>(depth - whole);
            for (int64_t d = 0; d < depth; d += T2_LANES)
            {
                const vf v = d < whole ? load(x + d) : load_some(x + d, rest);
                squares += v * v;
                most = larger(most, magnitude(v));
            }
            float square = 0, size = 0;
            for (int i = 0; i < T2_LANES; ++i)
            {
                square += squares[i];
                size = most[i] > size ? most[i] : size;
            }
            const float inverse = inverse_step<Fixed>(square, size, step[lane]);
            vi sum{};
            for (int64_t d = 0; d < depth; d += T2_LANES)
            {
                const vi value = rounded((d < whole ? load(x + d) : load_some(x + d, rest)) * inverse);
                if (sums != nullptr)
                    sum += value - 0x4B400000;
                narrow(value, q + d); // zeros past the last depth; the block is a whole number of vectors long
            }
            for (int i = 0; i < T2_LANES; ++i)
                total += sum[i];
        }
        if (sums != nullptr)
            sums[lane] = total;
        for (int64_t g = 0; g < groups; ++g)
            std::memcpy(words + g * lanes + lane, q + g * group, sizeof(uint32_t));
    }
}

inline void pack_tile_i16(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, int16_t* out, float* step)
{
    auto* words = reinterpret_cast<uint32_t*>(out);
    if (source.lane_contiguous)
        pack_across<Fixed16>(source, lanes, valid, first, depth, words, step, nullptr);
    else
        pack_along<Fixed16>(source, lanes, valid, first, depth, words, step, nullptr);
}

inline void pack_tile_i8(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, int8_t* out, float* step, int32_t* start)
{
    auto* words = reinterpret_cast<uint32_t*>(out);
    if (source.lane_contiguous)
        pack_across<Fixed8>(source, lanes, valid, first, depth, words, step, start);
    else
        pack_along<Fixed8>(source, lanes, valid, first, depth, words, step, start);
    if (start != nullptr)
        for (int lane = 0; lane < lanes; ++lane)
            start[lane] *= -128;
    else
        for (int64_t i = 0; i < (depth + 3) / 4 * lanes; ++i)
            words[i] ^= 0x80808080u;
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
        alignas(64) uint32_t q[kMostDepth];
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
