// Blocks to fp32, in ggml's order of operations (scale times sub-scale first, then times level, then minus minimum), so the values are ggml's bit for bit.
// T2_LANES values at a time.
#pragma once
#include "../common/half.h"
#include "../common/lanes.h"
#include "formats.h"
#include "k_blocks.h"
#include <cstring>
#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace t2k
{
namespace
{
inline void dequantize_f32(const uint8_t* x, float* __restrict y, int64_t n)
{
    std::memcpy(y, x, static_cast<size_t>(n) * sizeof(float));
}

inline void dequantize_f16(const uint8_t* x, float* __restrict y, int64_t n)
{
    int64_t i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(y + i, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + 2 * i))));
#elif defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + 2 * i))));
#endif
    for (; i < n; ++i)
    {
        uint16_t half;
        std::memcpy(&half, x + 2 * i, sizeof half);
        y[i] = float_of_half(half);
    }
}

inline void dequantize_bf16(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t i = 0; i < n; ++i)
    {
        uint16_t value;
        std::memcpy(&value, x + 2 * i, sizeof value);
        y[i] = float_of_bfloat(value);
    }
}

template <class Block>
inline const Block& block_at(const uint8_t* x, int64_t i)
{
    return *(reinterpret_cast<const Block*>(x) + i);
}

// y[i] = scale·level(i) + offset for Count values; level gives T2_LANES integers from position i on.
template <int Count, class Level>
inline void expand(float* y, float scale, float offset, Level&& level)
{
    for (int i = 0; i < Count; i += T2_LANES)
        store(y + i, scale * __builtin_convertvector(level(i), vf) + offset);
}

// The same without an offset: adding zero would turn −0 into +0.
template <int Count, class Level>
inline void expand(float* y, float scale, Level&& level)
{
    for (int i = 0; i < Count; i += T2_LANES)
        store(y + i, scale * __builtin_convertvector(level(i), vf));
}

// Bits i .. i+T2_LANES−1 of a word, each in the fifth bit of its lane.
inline vi fifth_bits(const uint8_t* qh, int i)
{
    int32_t word;
    std::memcpy(&word, qh, sizeof word);
    vi lane;
    for (int k = 0; k < T2_LANES; ++k)
        lane[k] = k;
    return ((splat(word) >> (lane + i)) & 1) << 4;
}

inline void dequantize_q4_0(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t b = 0; b < n / 32; ++b, y += 32)
    {
        const auto& block = block_at<BlockQ4_0>(x, b);
        const float d = float_of_half(block.d);
        expand<16>(y, d, [&](int i) { return (widen_bytes(block.qs + i) & 15) - 8; });
        expand<16>(y + 16, d, [&](int i) { return (widen_bytes(block.qs + i) >> 4) - 8; });
    }
}

inline void dequantize_q4_1(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t b = 0; b < n / 32; ++b, y += 32)
    {
        const auto& block = block_at<BlockQ4_1>(x, b);
        const float d = float_of_half(block.d), m = float_of_half(block.m);
        expand<16>(y, d, m, [&](int i) { return widen_bytes(block.qs + i) & 15; });
        expand<16>(y + 16, d, m, [&](int i) { return widen_bytes(block.qs + i) >> 4; });
    }
}

inline void dequantize_q5_0(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t b = 0; b < n / 32; ++b, y += 32)
    {
        const auto& block = block_at<BlockQ5_0>(x, b);
        const float d = float_of_half(block.d);
        expand<16>(y, d, [&](int i) { return ((widen_bytes(block.qs + i) & 15) | fifth_bits(block.qh, i)) - 16; });
        expand<16>(y + 16, d, [&](int i) { return ((widen_bytes(block.qs + i) >> 4) | fifth_bits(block.qh, i + 16)) - 16; });
    }
}

inline void dequantize_q5_1(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t b = 0; b < n / 32; ++b, y += 32)
    {
        const auto& block = block_at<BlockQ5_1>(x, b);
        const float d = float_of_half(block.d), m = float_of_half(block.m);
        expand<16>(y, d, m, [&](int i) { return (widen_bytes(block.qs + i) & 15) | fifth_bits(block.qh, i); });
        expand<16>(y + 16, d, m, [&](int i) { return (widen_bytes(block.qs + i) >> 4) | fifth_bits(block.qh, i + 16); });
    }
}

inline void dequantize_q8_0(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t b = 0; b < n / 32; ++b, y += 32)
    {
        const auto& block = block_at<BlockQ8_0>(x, b);
        const float d = float_of_half(block.d);
        for (int i = 0; i < 32; ++i)
            y[i] = static_cast<float>(block.qs[i]) * d;
    }
}

inline void dequantize_q2_k(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t b = 0; b < n / 256; ++b)
    {
        const auto& block = block_at<BlockQ2_K>(x, b);
        const float d = float_of_half(block.d), dmin = float_of_half(block.dmin);
        for (int j = 0; j < 16; ++j, y += 16)
        {
            const uint8_t* q = block.qs + 32 * (j / 8) + 16 * (j % 2);
            const int shift = 2 * (j % 8 / 2);
            const float scale = d * static_cast<float>(block.scales[j] & 15), minimum = dmin * static_cast<float>(block.scales[j] >> 4);
            expand<16>(y, scale, -minimum, [&](int i) { return (widen_bytes(q + i) >> shift) & 3; });
        }
    }
}

inline void dequantize_q3_k(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t b = 0; b < n / 256; ++b)
    {
        const auto& block = block_at<BlockQ3_K>(x, b);
        const float d = float_of_half(block.d);
#pragma GCC unroll 16
        for (int j = 0; j < 16; ++j, y += 16)
        {
            const uint8_t* q = block.qs + 32 * (j / 8) + 16 * (j % 2);
            const uint8_t* h = block.hmask + 16 * (j % 2);
            const int shift = 2 * (j % 8 / 2), bit = j / 2;
            const int low = j < 8 ? block.scales[j] & 15 : block.scales[j - 8] >> 4;
            const int scale6 = low | ((block.scales[8 + j % 4] >> (2 * (j / 4))) & 3) << 4;
            const float scale = d * static_cast<float>(scale6 - 32);
            expand<16>(y, scale, [&](int i) { return ((widen_bytes(q + i) >> shift) & 3) + (((widen_bytes(h + i) >> bit) & 1) << 2) - 4; });
        }
    }
}

inline void dequantize_q4_k(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t b = 0; b < n / 256; ++b)
    {
        const auto& block = block_at<BlockQ4_K>(x, b);
        const float d = float_of_half(block.d), dmin = float_of_half(block.dmin);
        for (int j = 0; j < 8; ++j, y += 32)
        {
            int s, m;
            unpack_scale_min(j, block.scales, s, m);
            const float scale = d * static_cast<float>(s), minimum = dmin * static_cast<float>(m);
            const uint8_t* q = block.qs + 32 * (j / 2);
            const int shift = 4 * (j % 2);
            expand<32>(y, scale, -minimum, [&](int i) { return (widen_bytes(q + i) >> shift) & 15; });
        }
    }
}

inline void dequantize_q5_k(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t b = 0; b < n / 256; ++b)
    {
        const auto& block = block_at<BlockQ5_K>(x, b);
        const float d = float_of_half(block.d), dmin = float_of_half(block.dmin);
        for (int j = 0; j < 8; ++j, y += 32)
        {
            int s, m;
            unpack_scale_min(j, block.scales, s, m);
            const float scale = d * static_cast<float>(s), minimum = dmin * static_cast<float>(m);
            const uint8_t* q = block.qs + 32 * (j / 2);
            const int shift = 4 * (j % 2);
            expand<32>(y, scale, -minimum, [&](int i) { return ((widen_bytes(q + i) >> shift) & 15) + (((widen_bytes(block.qh + i) >> j) & 1) << 4); });
        }
    }
}

inline void dequantize_q6_k(const uint8_t* x, float* __restrict y, int64_t n)
{
    for (int64_t b = 0; b < n / 256; ++b)
    {
        const auto& block = block_at<BlockQ6_K>(x, b);
        const float d = float_of_half(block.d);
#pragma GCC unroll 16
        for (int j = 0; j < 16; ++j, y += 16)
        {
            const int quarter = j % 8 / 2; // of the half super-block of 128
            const uint8_t* ql = block.ql + 64 * (j / 8) + 32 * (quarter % 2) + 16 * (j % 2);
            const uint8_t* qh = block.qh + 32 * (j / 8) + 16 * (j % 2);
            const int low = 4 * (quarter / 2), high = 2 * quarter;
            const float scale = d * static_cast<float>(block.scales[j]);
            expand<16>(y, scale, [&](int i) { return (((widen_bytes(ql + i) >> low) & 15) | (((widen_bytes(qh + i) >> high) & 3) << 4)) - 32; });
        }
    }
}
}
}
