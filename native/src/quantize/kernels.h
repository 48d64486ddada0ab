// The table of one instruction set's quantisers. Included by quantize_<isa>.cpp after it has set T2_LANES; T2_SCALAR_SEARCH takes the scalar searches
// throughout.
#pragma once
#include "dequantize.h"
#include "fast_search.h"
#include "group_blocks.h"
#include "simple_blocks.h"

namespace t2k
{
namespace
{
#if defined(T2_SCALAR_SEARCH)
template <int Length, int Bytes, void (*Block)(const float*, uint8_t*)>
void quantize_blocks(const float* x, int64_t x_stride, uint8_t* y, int64_t y_stride, int64_t rows, int64_t n)
{
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t b = 0; b < n / Length; ++b)
            Block(x + row * x_stride + b * Length, y + row * y_stride + b * Bytes);
}
#endif

template <int Bytes, bool (*Group)(const float*, uint8_t*), void (*Block)(const float*, uint8_t*)>
void quantize_groups(const float* x, int64_t x_stride, uint8_t* y, int64_t y_stride, int64_t rows, int64_t n)
{
    for (int64_t row = 0; row < rows; ++row)
    {
        const float* source = x + row * x_stride;
        uint8_t* target = y + row * y_stride;
        for (int64_t left = n / kSmall; left > 0;)
        {
            const int64_t count = left < kGroup ? left : kGroup;
            if (count < kGroup || !Group(source, target))
                for (int64_t b = 0; b < count; ++b)
                    Block(source + b * kSmall, target + b * Bytes);
            left -= count;
            source += count * kSmall;
            target += count * Bytes;
        }
    }
}

void quantize_f32(const float* x, int64_t x_stride, uint8_t* y, int64_t y_stride, int64_t rows, int64_t n)
{
    for (int64_t row = 0; row < rows; ++row)
        std::memcpy(y + row * y_stride, x + row * x_stride, static_cast<size_t>(n) * sizeof(float));
}

void quantize_f16(const float* x, int64_t x_stride, uint8_t* y, int64_t y_stride, int64_t rows, int64_t n)
{
    for (int64_t row = 0; row < rows; ++row, x += x_stride, y += y_stride)
    {
        int64_t i = 0;
#if defined(__AVX512F__)
        for (; i + 16 <= n; i += 16)
        {
            const __m512 v = _mm512_loadu_ps(x + i);
            if (_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q) != 0)
                break; // the hardware keeps a NaN's payload, ggml does not: the scalar tail takes the rest of the row
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + 2 * i), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
        }
#elif defined(__F16C__)
        for (; i + 8 <= n; i += 8)
        {
            const __m256 v = _mm256_loadu_ps(x + i);
            if (_mm256_movemask_ps(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)) != 0)
                break;
            _mm_storeu_si128(reinterpret_cast<__m128i*>(y + 2 * i), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
        }
#endif
        for (; i < n; ++i)
        {
            const uint16_t half = half_of(x[i]);
            std::memcpy(y + 2 * i, &half, sizeof half);
        }
    }
}

// vcvtneps2bf16 would flush subnormals: the integer form does not, and is memory-bound anyway.
void quantize_bf16(const float* x, int64_t x_stride, uint8_t* y, int64_t y_stride, int64_t rows, int64_t n)
{
    for (int64_t row = 0; row < rows; ++row, x += x_stride, y += y_stride)
        for (int64_t i = 0; i < n; ++i)
        {
            const uint16_t value = bfloat_of(x[i]);
            std::memcpy(y + 2 * i, &value, sizeof value);
        }
}

#if !defined(T2_SCALAR_SEARCH)
// Super-blocks in batches that fill the lanes. `Batch` quantises kBatch super-blocks or returns false for the scalar form to take them.
template <int Subs>
constexpr int kBatch = T2_LANES > Subs ? T2_LANES / Subs : 1;

template <int Subs, int Bytes, bool (*Batch)(const float* const*, uint8_t* const*), void (*Scalar)(const float*, uint8_t*)>
void quantize_supers(const float* x, int64_t x_stride, uint8_t* y, int64_t y_stride, int64_t rows, int64_t n)
{
    constexpr int batch = kBatch<Subs>;
    const int64_t per_row = n / 256, total = rows * per_row;
    uint8_t spare[Bytes];
    for (int64_t first = 0; first < total; first += batch)
    {
        const float* source[batch];
        uint8_t* target[batch];
        for (int b = 0; b < batch; ++b)
        {
            // A batch past the end repeats the last super-block into a spare.
            const int64_t at = first + b < total ? first + b : total - 1;
            source[b] = x + at / per_row * x_stride + at % per_row * 256;
            target[b] = first + b < total ? y + at / per_row * y_stride + at % per_row * Bytes : spare;
        }
        if (!Batch(source, target))
            for (int b = 0; b < batch; ++b)
                Scalar(source[b], target[b]);
    }
}

template <int Subs, int Count>
inline void sub_blocks(const float* const* source, int first, const float** sub)
{
    for (int lane = 0; lane < T2_LANES; ++lane)
        sub[lane] = source[(first + lane) / Subs] + (first + lane) % Subs * Count;
}

template <int Subs, int Count, int Levels, int Steps, bool Absolute, int First10, void (*Finish)(const float*, const AffineFit*, uint8_t*)>
bool affine_batch(const float* const* source, uint8_t* const* target)
{
    constexpr int total = kBatch<Subs> * Subs;
    AffineFit fit[total];
    for (int first = 0; first < total; first += T2_LANES)
    {
        const float* sub[T2_LANES];
        sub_blocks<Subs, Count>(source, first, sub);
        if (!fit_affine_lanes<Count, Levels, Steps, Absolute>(sub, First10 / 10.0f, fit + first))
            return false;
    }
    for (int b = 0; b < kBatch<Subs>; ++b)
        Finish(source[b], fit + b * Subs, target[b]);
    return true;
}

template <int Subs, const AffineRule& Rule, void (*Finish)(const float*, const AffineFit*, uint8_t*)>
bool affine_fast_batch(const float* const* source, uint8_t* const* target)
{
    constexpr int total = kBatch<Subs> * Subs;
    AffineFit fit[total];
    for (int first = 0; first < total; first += T2_LANES)
    {
        const float* sub[T2_LANES];
        sub_blocks<Subs, Rule.count>(source, first, sub);
        if (!fit_affine_fast_lanes<Rule>(sub, fit + first))
            return false;
    }
    for (int b = 0; b < kBatch<Subs>; ++b)
        Finish(source[b], fit + b * Subs, target[b]);
    return true;
}

template <int Levels>
inline bool linear_fast_batch(const float* const* source, float* scale, float* grid)
{
    for (int first = 0; first < 16; first += T2_LANES)
    {
        const float* sub[T2_LANES];
        sub_blocks<16, 16>(source, first, sub);
        if (!fit_linear_fast_lanes<Levels>(sub, scale + first, grid + first))
            return false;
    }
    return true;
}

inline bool q3_k_fast_batch(const float* const* source, uint8_t* const* target)
{
    float scale[16], grid[16];
    if (!linear_fast_batch<4>(source, scale, grid))
        return false;
    uint8_t level[256] = {};
    finish_q3_k(source[0], scale, level, target[0]);
    return true;
}

inline bool q6_k_fast_batch(const float* const* source, uint8_t* const* target)
{
    float scale[16], grid[16];
    if (!linear_fast_batch<32>(source, scale, grid))
        return false;
    finish_q6_k(source[0], scale, grid, target[0]);
    return true;
}

inline bool q3_k_batch(const float* const* source, uint8_t* const* target)
{
    float scale[16];
    uint8_t level[256];
    for (int first = 0; first < 16; first += T2_LANES)
    {
        const float* sub[T2_LANES];
        sub_blocks<16, 16>(source, first, sub);
        if (!fit_descent_lanes(sub, scale + first, level + 16 * first))
            return false;
    }
    finish_q3_k(source[0], scale, level, target[0]);
    return true;
}

inline bool q6_k_batch(const float* const* source, uint8_t* const* target)
{
    float scale[16], grid[16];
    for (int first = 0; first < 16; first += T2_LANES)
    {
        const float* sub[T2_LANES];
        sub_blocks<16, 16>(source, first, sub);
        if (!fit_linear_lanes(sub, scale + first, grid + first))
            return false;
    }
    finish_q6_k(source[0], scale, grid, target[0]);
    return true;
}
#endif

inline void fill_table(TypeKernels* table)
{
    const auto set = [table](Type type, const char* name, int length, int bytes, auto quantize, auto dequantize) {
        table[static_cast<int>(type)] = {name, length, bytes, quantize, dequantize, quantize};
    };
    const auto set_k = [table](Type type, const char* name, int bytes, auto quantize, auto dequantize, auto fast) {
        table[static_cast<int>(type)] = {name, 256, bytes, quantize, dequantize, fast};
    };
    set(Type::F32, "F32", 1, 4, quantize_f32, dequantize_f32);
    set(Type::F16, "F16", 1, 2, quantize_f16, dequantize_f16);
    set(Type::BF16, "BF16", 1, 2, quantize_bf16, dequantize_bf16);
    set(Type::Q4_0, "Q4_0", 32, 18, quantize_groups<18, quantize_q4_0_group, quantize_q4_0>, dequantize_q4_0);
    set(Type::Q4_1, "Q4_1", 32, 20, quantize_groups<20, quantize_q4_1_group, quantize_q4_1>, dequantize_q4_1);
    set(Type::Q5_0, "Q5_0", 32, 22, quantize_groups<22, quantize_q5_0_group, quantize_q5_0>, dequantize_q5_0);
    set(Type::Q5_1, "Q5_1", 32, 24, quantize_groups<24, quantize_q5_1_group, quantize_q5_1>, dequantize_q5_1);
    set(Type::Q8_0, "Q8_0", 32, 34, quantize_groups<34, quantize_q8_0_group, quantize_q8_0>, dequantize_q8_0);
    constexpr auto q2_k_fast = affine_fast<16, kRuleQ2, finish_q2_k, quantize_q2_k>;
    constexpr auto q4_k_fast = affine_fast<8, kRuleQ4, finish_q4_k, quantize_q4_k>;
    constexpr auto q5_k_fast = affine_fast<8, kRuleQ5, finish_q5_k, quantize_q5_k>;
#if defined(T2_SCALAR_SEARCH)
    set_k(Type::Q2_K, "Q2_K", 84, quantize_blocks<256, 84, quantize_q2_k>, dequantize_q2_k, quantize_blocks<256, 84, q2_k_fast>);
    set_k(Type::Q3_K, "Q3_K", 110, quantize_blocks<256, 110, quantize_q3_k>, dequantize_q3_k, quantize_blocks<256, 110, quantize_q3_k_fast>);
    set_k(Type::Q4_K, "Q4_K", 144, quantize_blocks<256, 144, quantize_q4_k>, dequantize_q4_k, quantize_blocks<256, 144, q4_k_fast>);
    set_k(Type::Q5_K, "Q5_K", 176, quantize_blocks<256, 176, quantize_q5_k>, dequantize_q5_k, quantize_blocks<256, 176, q5_k_fast>);
    set_k(Type::Q6_K, "Q6_K", 210, quantize_blocks<256, 210, quantize_q6_k>, dequantize_q6_k, quantize_blocks<256, 210, quantize_q6_k_fast>);
#else
    set_k(Type::Q2_K, "Q2_K", 84, quantize_supers<16, 84, affine_batch<16, 16, 3, 15, true, -5, finish_q2_k>, quantize_q2_k>, dequantize_q2_k,
          quantize_supers<16, 84, affine_fast_batch<16, kRuleQ2, finish_q2_k>, q2_k_fast>);
    set_k(Type::Q3_K, "Q3_K", 110, quantize_supers<16, 110, q3_k_batch, quantize_q3_k>, dequantize_q3_k,
          quantize_supers<16, 110, q3_k_fast_batch, quantize_q3_k_fast>);
    set_k(Type::Q4_K, "Q4_K", 144, quantize_supers<8, 144, affine_batch<8, 32, 15, 20, false, -10, finish_q4_k>, quantize_q4_k>, dequantize_q4_k,
          quantize_supers<8, 144, affine_fast_batch<8, kRuleQ4, finish_q4_k>, q4_k_fast>);
    set_k(Type::Q5_K, "Q5_K", 176, quantize_supers<8, 176, affine_batch<8, 32, 31, 15, false, -5, finish_q5_k>, quantize_q5_k>, dequantize_q5_k,
          quantize_supers<8, 176, affine_fast_batch<8, kRuleQ5, finish_q5_k>, q5_k_fast>);
    set_k(Type::Q6_K, "Q6_K", 210, quantize_supers<16, 210, q6_k_batch, quantize_q6_k>, dequantize_q6_k,
          quantize_supers<16, 210, q6_k_fast_batch, quantize_q6_k_fast>);
#endif
}
}
}
