// The register tiles, compiled once per instruction set. A tile of Rows × Vectors accumulators stays in registers over a whole packed block; per depth (or
// pair of depths) it loads Vectors of B, broadcasts Rows values of A, and issues Rows·Vectors multiply-adds. Tails are in the packing (zeros), not here.
//   fp32    c += a·b in runs of 32 depths; contraction gives FMA; |error| ≤ 32·2⁻²⁴·Σ|a||b| per run
//   int16   exact 32-bit sums (pack.h says why they fit), then c += step_a·step_b·sum
//   bf16    vdpbf16ps: products of bf16 pairs summed in fp32
//   int8    vpdpbusd: exact 32-bit sums of four products of bytes (256·255·127 is far from overflow), less 128·Σb for A's offset
#pragma once
#include "../common/lanes.h"
#include "gemm_kernels.h"
#include "pack.h"
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__F16C__)
#define T2_F16C 1
#endif

namespace t2k
{
namespace
{
// The rounding of a sum grows with the root of its length: runs of kRun depths are summed in registers, the runs of a block in `block`, the blocks in C.
constexpr int64_t kRun = 32;

template <int Rows, int Vectors>
void tile_f32(int64_t depth, const float* a, const float* b, float* c, int64_t ldc)
{
    vf block[Rows][Vectors];
    for (bool first = true; depth > 0; first = false)
    {
        const int64_t run = depth < kRun ? depth : kRun;
        depth -= run;
        vf sum[Rows][Vectors] = {};
        for (int64_t d = 0; d < run; ++d, a += Rows, b += Vectors * T2_LANES)
        {
            vf right[Vectors];
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v)
                right[v] = load(b + v * T2_LANES);
#pragma GCC unroll 16
            for (int r = 0; r < Rows; ++r)
            {
                const vf left = splat(a[r]);
#pragma GCC unroll 8
                for (int v = 0; v < Vectors; ++v)
                    sum[r][v] += left * right[v];
            }
        }
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v)
            {
                const vf total = first ? sum[r][v] : block[r][v] + sum[r][v];
                if (depth > 0)
                    block[r][v] = total;
                else
                    store(c + r * ldc + v * T2_LANES, load(c + r * ldc + v * T2_LANES) + total);
            }
    }
}

// Two 16-bit products per 32-bit lane, added to sum.
inline vi dot_pairs(vi sum, vi a, vi b)
{
#if defined(__AVX512VNNI__)
    return reinterpret_cast<vi>(_mm512_dpwssd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX512BW__)
    return sum + reinterpret_cast<vi>(_mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
    return sum + reinterpret_cast<vi>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
    return sum + reinterpret_cast<vi>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
    return sum + ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
#endif
}

template <int Rows, int Vectors>
void tile_i16(int64_t pairs, const int16_t* a, const int16_t* b, const float* a_step, const float* b_step, float* c, int64_t ldc)
{
    vi sum[Rows][Vectors] = {};
    for (int64_t p = 0; p < pairs; ++p, a += 2 * Rows, b += 2 * Vectors * T2_LANES)
    {
        vi right[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            std::memcpy(&right[v], b + 2 * v * T2_LANES, sizeof(vi));
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
        {
            int32_t pair;
            std::memcpy(&pair, a + 2 * r, sizeof pair);
            const vi left = splat(pair);
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v)
                sum[r][v] = dot_pairs(sum[r][v], left, right[v]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
        {
            const vf step = load(b_step + v * T2_LANES) * a_step[r];
            store(c + r * ldc + v * T2_LANES, load(c + r * ldc + v * T2_LANES) + __builtin_convertvector(sum[r][v], vf) * step);
        }
}

#if defined(__AVX512BF16__)
template <int Rows, int Vectors>
void tile_bf16(int64_t pairs, const uint16_t* a, const uint16_t* b, float* c, int64_t ldc)
{
    __m512 sum[Rows][Vectors] = {};
    for (int64_t p = 0; p < pairs; ++p, a += 2 * Rows, b += 2 * Vectors * T2_LANES)
    {
        __m512bh right[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            right[v] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + 2 * v * T2_LANES));
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
        {
            int32_t pair;
            std::memcpy(&pair, a + 2 * r, sizeof pair);
            const __m512bh left = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v)
                sum[r][v] = _mm512_dpbf16_ps(sum[r][v], left, right[v]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            _mm512_storeu_ps(c + r * ldc + v * T2_LANES, _mm512_add_ps(_mm512_loadu_ps(c + r * ldc + v * T2_LANES), sum[r][v]));
}
#endif

#if defined(__AVX512VNNI__)
// Four products of an unsigned and a signed byte per 32-bit lane, added to sum.
inline vi dot_quads(vi sum, vi a, vi b)
{
    return reinterpret_cast<vi>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
}

template <int Rows, int Vectors>
void tile_i8(int64_t quads, const uint8_t* a, const int8_t* b, const float* a_step, const float* b_step, const int32_t* b_start, float* c, int64_t ldc)
{
    vi sum[Rows][Vectors] = {};
    for (int64_t q = 0; q < quads; ++q, a += 4 * Rows, b += 4 * Vectors * T2_LANES)
    {
        vi right[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            std::memcpy(&right[v], b + 4 * v * T2_LANES, sizeof(vi));
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
        {
            int32_t quad;
            std::memcpy(&quad, a + 4 * r, sizeof quad);
            const vi left = splat(quad);
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v)
                sum[r][v] = dot_quads(sum[r][v], left, right[v]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
        {
            vi start;
            std::memcpy(&start, b_start + v * T2_LANES, sizeof start);
            const vf step = load(b_step + v * T2_LANES) * a_step[r];
            store(c + r * ldc + v * T2_LANES, load(c + r * ldc + v * T2_LANES) + __builtin_convertvector(sum[r][v] + start, vf) * step);
        }
}
#endif

void accumulate(int32_t type, const void* source, float alpha, float* y, int64_t n)
{
    int64_t i = 0;
    if (type == 0)
    {
        const auto* x = static_cast<const float*>(source);
        for (; i < n; ++i)
            y[i] += alpha * x[i];
        return;
    }
    const auto* x = static_cast<const uint16_t*>(source);
    if (type == 1)
    {
#if defined(__AVX512F__)
        for (; i + 16 <= n; i += 16)
            _mm512_storeu_ps(y + i, _mm512_fmadd_ps(_mm512_set1_ps(alpha), _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i))),
                                                    _mm512_loadu_ps(y + i)));
#elif defined(T2_F16C)
        for (; i + 8 <= n; i += 8)
            _mm256_storeu_ps(y + i, _mm256_fmadd_ps(_mm256_set1_ps(alpha), _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))),
                                                    _mm256_loadu_ps(y + i)));
#endif
        for (; i < n; ++i)
            y[i] += alpha * float_of_half(x[i]);
        return;
    }
    for (; i < n; ++i)
        y[i] += alpha * float_of_bfloat(x[i]);
}

void scale_values(float* y, float alpha, int64_t n)
{
    for (int64_t i = 0; i < n; ++i)
        y[i] *= alpha;
}

void scale_add(float* y, float alpha, const float* x, int64_t n)
{
    for (int64_t i = 0; i < n; ++i)
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
        y[i] = alpha * y[i] + x[i];
#else
        y[i] = static_cast<float>(static_cast<double>(alpha) * y[i] + x[i]);
#endif
}

#if defined(__SSE2__)
void stream_lines(const uint8_t* from, uint8_t* to, int64_t bytes)
{
    for (int64_t i = 0; i < bytes; i += 64)
    {
#if defined(__AVX512F__)
        _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
#elif defined(__AVX2__)
        for (int64_t j = i; j < i + 64; j += 32)
            _mm256_stream_si256(reinterpret_cast<__m256i*>(to + j), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + j)));
#else
        for (int64_t j = i; j < i + 64; j += 16)
            _mm_stream_si128(reinterpret_cast<__m128i*>(to + j), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + j)));
#endif
    }
}

void stream_end()
{
    _mm_sfence();
}
#endif

template <int Rows, int Vectors>
inline void fill(GemmKernels& kernels)
{
    static_assert(Vectors * T2_LANES <= kMostLanes && Rows <= kMostLanes);
    kernels.mr = Rows;
    kernels.nr = Vectors * T2_LANES;
#if defined(__SSE2__)
    kernels.fast_i16 = true; // NEON would need four instructions for the eight multiply-adds that two FMLA do
#endif
    kernels.f32 = tile_f32<Rows, Vectors>;
    kernels.i16 = tile_i16<Rows, Vectors>;
    kernels.pack_f32 = pack_tile_f32;
    kernels.pack_i16 = pack_tile_i16;
    kernels.pack_i8 = pack_tile_i8;
    kernels.pack_bf16 = pack_tile_bf16;
    kernels.accumulate = accumulate;
    kernels.scale = scale_values;
    kernels.scale_add = scale_add;
#if defined(__SSE2__)
    kernels.stream = stream_lines;
    kernels.stream_end = stream_end;
#endif
#if defined(__AVX512BF16__)
    kernels.bf16 = tile_bf16<Rows, Vectors>;
#endif
#if defined(__AVX512VNNI__)
    kernels.i8 = tile_i8<Rows, Vectors>;
#endif
}
}
}
