// Vectors of T2_LANES fp32 / int32 values (T2_LANES is set by the including file together with its compile flags), on the compilers' vector extension:
// one source serves SSE, AVX2, AVX-512 and NEON, and every lane does exactly the scalar operation.
#pragma once
#include <cstdint>
#include <cstring>

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

inline bool any(vi mask)
{
    int32_t all = 0;
    for (int lane = 0; lane < T2_LANES; ++lane)
        all |= mask[lane];
    return all != 0;
}
}
}
