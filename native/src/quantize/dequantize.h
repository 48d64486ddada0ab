// Blocks to fp32, in ggml's order of operations (scale times sub-scale first, then times level, then minus minimum), so the values are ggml's bit for bit.
// Plain loops over a block: they vectorise as they stand.
#pragma once
#include "../common/half.h"
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
inline void dequantize_f32(const uint8_t* x, float* y, int64_t n)
{
    std::memcpy(y, x, static_cast<size_t>(n) * sizeof(float));
}

inline void dequantize_f16(const uint8_t* x, float* y, int64_t n)
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

inline void dequantize_bf16(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t i = 0; i < n; ++i)
    {
        uint16_t value;
        std::memcpy(&value, x + 2 * i, sizeof value);
        y[i] = float_of_bfloat(value);
    }
}

template <class Block>
inline Block block_at(const uint8_t* x, int64_t i)
{
    Block block;
    std::memcpy(&block, x + i * static_cast<int64_t>(sizeof(Block)), sizeof block);
    return block;
}

inline void dequantize_q4_0(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t b = 0; b < n / 32; ++b, y += 32)
    {
        const auto block = block_at<BlockQ4_0>(x, b);
        const float d = float_of_half(block.d);
        for (int i = 0; i < 16; ++i)
        {
            y[i] = static_cast<float>((block.qs[i] & 15) - 8) * d;
            y[i + 16] = static_cast<float>((block.qs[i] >> 4) - 8) * d;
        }
    }
}

inline void dequantize_q4_1(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t b = 0; b < n / 32; ++b, y += 32)
    {
        const auto block = block_at<BlockQ4_1>(x, b);
        const float d = float_of_half(block.d), m = float_of_half(block.m);
        for (int i = 0; i < 16; ++i)
        {
            y[i] = static_cast<float>(block.qs[i] & 15) * d + m;
            y[i + 16] = static_cast<float>(block.qs[i] >> 4) * d + m;
        }
    }
}

inline void five_bit_levels(const uint8_t* qs, const uint8_t* qh, int* level)
{
    uint32_t high;
    std::memcpy(&high, qh, sizeof high);
    for (int i = 0; i < 16; ++i)
    {
        level[i] = (qs[i] & 15) | static_cast<int>((high >> i) & 1u) << 4;
        level[i + 16] = (qs[i] >> 4) | static_cast<int>((high >> (i + 16)) & 1u) << 4;
    }
}

inline void dequantize_q5_0(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t b = 0; b < n / 32; ++b, y += 32)
    {
        const auto block = block_at<BlockQ5_0>(x, b);
        const float d = float_of_half(block.d);
        int level[32];
        five_bit_levels(block.qs, block.qh, level);
        for (int i = 0; i < 32; ++i)
            y[i] = static_cast<float>(level[i] - 16) * d;
    }
}

inline void dequantize_q5_1(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t b = 0; b < n / 32; ++b, y += 32)
    {
        const auto block = block_at<BlockQ5_1>(x, b);
        const float d = float_of_half(block.d), m = float_of_half(block.m);
        int level[32];
        five_bit_levels(block.qs, block.qh, level);
        for (int i = 0; i < 32; ++i)
            y[i] = static_cast<float>(level[i]) * d + m;
    }
}

inline void dequantize_q8_0(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t b = 0; b < n / 32; ++b, y += 32)
    {
        const auto block = block_at<BlockQ8_0>(x, b);
        const float d = float_of_half(block.d);
        for (int i = 0; i < 32; ++i)
            y[i] = static_cast<float>(block.qs[i]) * d;
    }
}

inline void dequantize_q2_k(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t b = 0; b < n / 256; ++b)
    {
        const auto block = block_at<BlockQ2_K>(x, b);
        const float d = float_of_half(block.d), dmin = float_of_half(block.dmin);
        for (int j = 0; j < 16; ++j, y += 16)
        {
            const uint8_t* q = block.qs + 32 * (j / 8) + 16 * (j % 2);
            const int shift = 2 * (j % 8 / 2);
            const float scale = d * static_cast<float>(block.scales[j] & 15), minimum = dmin * static_cast<float>(block.scales[j] >> 4);
            for (int i = 0; i < 16; ++i)
                y[i] = scale * static_cast<float>((q[i] >> shift) & 3) - minimum;
        }
    }
}

inline void dequantize_q3_k(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t b = 0; b < n / 256; ++b)
    {
        const auto block = block_at<BlockQ3_K>(x, b);
        const float d = float_of_half(block.d);
        for (int j = 0; j < 16; ++j, y += 16)
        {
            const uint8_t* q = block.qs + 32 * (j / 8) + 16 * (j % 2);
            const uint8_t* h = block.hmask + 16 * (j % 2);
            const int shift = 2 * (j % 8 / 2), bit = j / 2;
            const int low = j < 8 ? block.scales[j] & 15 : block.scales[j - 8] >> 4;
            const int scale6 = low | ((block.scales[8 + j % 4] >> (2 * (j / 4))) & 3) << 4;
            const float scale = d * static_cast<float>(scale6 - 32);
            for (int i = 0; i < 16; ++i)
                y[i] = scale * static_cast<float>(((q[i] >> shift) & 3) + 4 * ((h[i] >> bit) & 1) - 4);
        }
    }
}

inline void dequantize_q4_k(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t b = 0; b < n / 256; ++b)
    {
        const auto block = block_at<BlockQ4_K>(x, b);
        const float d = float_of_half(block.d), dmin = float_of_half(block.dmin);
        for (int j = 0; j < 8; ++j, y += 32)
        {
            int s, m;
            unpack_scale_min(j, block.scales, s, m);
            const float scale = d * static_cast<float>(s), minimum = dmin * static_cast<float>(m);
            const uint8_t* q = block.qs + 32 * (j / 2);
            const int shift = 4 * (j % 2);
            for (int i = 0; i < 32; ++i)
                y[i] = scale * static_cast<float>((q[i] >> shift) & 15) - minimum;
        }
    }
}

inline void dequantize_q5_k(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t b = 0; b < n / 256; ++b)
    {
        const auto block = block_at<BlockQ5_K>(x, b);
        const float d = float_of_half(block.d), dmin = float_of_half(block.dmin);
        for (int j = 0; j < 8; ++j, y += 32)
        {
            int s, m;
            unpack_scale_min(j, block.scales, s, m);
            const float scale = d * static_cast<float>(s), minimum = dmin * static_cast<float>(m);
            const uint8_t* q = block.qs + 32 * (j / 2);
            const int shift = 4 * (j % 2);
            for (int i = 0; i < 32; ++i)
                y[i] = scale * static_cast<float>(((q[i] >> shift) & 15) + 16 * ((block.qh[i] >> j) & 1)) - minimum;
        }
    }
}

inline void dequantize_q6_k(const uint8_t* x, float* y, int64_t n)
{
    for (int64_t b = 0; b < n / 256; ++b)
    {
        const auto block = block_at<BlockQ6_K>(x, b);
        const float d = float_of_half(block.d);
        for (int j = 0; j < 16; ++j, y += 16)
        {
            const int quarter = j % 8 / 2; // of the half super-block of 128
            const uint8_t* ql = block.ql + 64 * (j / 8) + 32 * (quarter % 2) + 16 * (j % 2);
            const uint8_t* qh = block.qh + 32 * (j / 8) + 16 * (j % 2);
            const int low = 4 * (quarter / 2), high = 2 * quarter;
            const float scale = d * static_cast<float>(block.scales[j]);
            for (int i = 0; i < 16; ++i)
                y[i] = scale * static_cast<float>((((ql[i] >> low) & 15) | (((qh[i] >> high) & 3) << 4)) - 32);
        }
    }
}
}
}
