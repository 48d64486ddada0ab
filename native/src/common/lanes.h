// Vectors of T2_LANES fp32 / int32 values (T2_LANES is set by the including file together with its compile flags), on the compilers' vector extension:
// one source serves SSE, AVX2, AVX-512 and NEON, and every lane does exactly the scalar operation.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace t2k
{
namespace
{
using vf = float __attribute__((vector_size(4 * T2_LANES)));
using vi = int32_t __attribute__((vector_size(4 * T2_LANES)));

inline vf splat(float value) { return value - vf{}; }
inline vi splat(int32_t value) { return value - vi{}; }
inline vi as_int(vf v) { return reinterpret_cast<vi>(v); }
inline vf as_float(vi v) { return reinterpret_cast<vf>(v); }
inline vf magnitude(vf v) { return as_float(as_int(v) & 0x7FFFFFFF); }
inline vf select(vi mask, vf yes, vf no) { return mask ? yes : no; }
inline vf smaller(vf a, vf b) { return b < a ? b : a; }
inline vf larger(vf a, vf b) { return b > a ? b : a; }

// a·b + c, rounded once.
inline vf fused(vf a, vf b, vf c)
{
#if defined(__AVX512F__)
    return reinterpret_cast<vf>(_mm512_fmadd_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(c)));
#elif defined(__FMA__)
    return reinterpret_cast<vf>(_mm256_fmadd_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), reinterpret_cast<__m256>(c)));
#elif defined(__ARM_NEON)
    return reinterpret_cast<vf>(vfmaq_f32(reinterpret_cast<float32x4_t>(c), reinterpret_cast<float32x4_t>(a), reinterpret_cast<float32x4_t>(b)));
#else
    for (int lane = 0; lane < T2_LANES; ++lane)
        c[lane] = __builtin_fmaf(a[lane], b[lane], c[lane]);
    return c;
#endif
}

inline vf load(const float* p)
{
    vf v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

inline void store(float* p, vf v)
{
    std::memcpy(p, &v, sizeof v);
}

// T2_LANES bytes as integers, and integers as bytes or 16-bit values (their low bits). Spelled out where GCC 12 would go value by value.
inline vi widen_bytes(const uint8_t* p)
{
#if defined(__AVX512F__)
    return reinterpret_cast<vi>(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#elif defined(__AVX2__)
    return reinterpret_cast<vi>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#else
    uint8_t __attribute__((vector_size(T2_LANES))) bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    return __builtin_convertvector(bytes, vi);
#endif
}

inline void narrow(vi v, uint8_t* p)
{
#if defined(__AVX512F__)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(v)));
#elif defined(__AVX2__)
    const __m256i low = _mm256_shuffle_epi8(reinterpret_cast<__m256i>(v), _mm256_set1_epi32(0x0C080400));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_unpacklo_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
#else
    using Bytes = uint8_t __attribute__((vector_size(T2_LANES)));
    const auto bytes = __builtin_convertvector(v, Bytes);
    std::memcpy(p, &bytes, sizeof bytes);
#endif
}

inline void narrow(vi v, int8_t* p)
{
    narrow(v, reinterpret_cast<uint8_t*>(p));
}

inline void narrow(vi v, int16_t* p)
{
#if defined(__AVX512F__)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(reinterpret_cast<__m512i>(v)));
#elif defined(__AVX2__)
    const __m256i low = _mm256_shuffle_epi8(reinterpret_cast<__m256i>(v), _mm256_set1_epi64x(0x0D0C090805040100));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_unpacklo_epi64(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
#else
    using Shorts = int16_t __attribute__((vector_size(2 * T2_LANES)));
    const auto shorts = __builtin_convertvector(v, Shorts);
    std::memcpy(p, &shorts, sizeof shorts);
#endif
}

// Of all lanes. Order does not matter to a maximum.
inline float largest(vf v)
{
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps(reinterpret_cast<__m512>(v));
#elif defined(__AVX__)
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(reinterpret_cast<__m256>(v)), _mm256_extractf128_ps(reinterpret_cast<__m256>(v), 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
#else
    float most = v[0];
    for (int lane = 1; lane < T2_LANES; ++lane)
        most = v[lane] > most ? v[lane] : most;
    return most;
#endif
}

inline bool any(vi mask)
{
    int32_t all = 0;
    for (int lane = 0; lane < T2_LANES; ++lane)
        all |= mask[lane];
    return all != 0;
}
}
}
