// A tile of Rows × Vectors accumulators in registers over the whole depth, with A read in place: three rows share one pointer (p, p + step, p + 2·step are x86
// addressing modes), so twelve rows take five general registers. Each result is one chain of fused multiply-adds in order of depth: it does not depend on
// where a matrix was cut into tiles.
#pragma once
#include "../common/lanes.h"
#include "sgemm_kernels.h"

namespace t2k
{
namespace
{
template <int Rows, int Vectors>
void sgemm_tile(int64_t depth, const float* a, int64_t row_step, int64_t depth_step, const float* b, float* c, int64_t ldc, bool accumulate)
{
    constexpr int kGroups = (Rows + 2) / 3;
    vf sum[Rows][Vectors] = {};
    if (accumulate)
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v)
                sum[r][v] = load(c + r * ldc + v * T2_LANES);
    const float* group[kGroups];
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g)
        group[g] = a + 3 * g * row_step;
    for (int64_t d = 0; d < depth; ++d, b += Vectors * T2_LANES)
    {
        vf right[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            right[v] = load(b + v * T2_LANES);
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
        {
            const vf left = splat(group[r / 3][(r % 3) * row_step]);
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v)
                sum[r][v] += left * right[v];
        }
#pragma GCC unroll 4
        for (int g = 0; g < kGroups; ++g)
            group[g] += depth_step;
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            store(c + r * ldc + v * T2_LANES, sum[r][v]);
}

template <int Rows, int Vectors>
void sgemm_rows(int rows, int64_t depth, const float* a, int64_t row_step, int64_t depth_step, const float* b, float* c, int64_t ldc, bool accumulate)
{
    if (rows == Rows)
        sgemm_tile<Rows, Vectors>(depth, a, row_step, depth_step, b, c, ldc, accumulate);
    else if constexpr (Rows > 1)
        sgemm_rows<Rows - 1, Vectors>(rows, depth, a, row_step, depth_step, b, c, ldc, accumulate);
}

template <int Rows, int Vectors>
void fill(SgemmKernels& kernels)
{
    kernels.mr = Rows;
    kernels.nr = Vectors * T2_LANES;
    kernels.tile = sgemm_rows<Rows, Vectors>;
}
}
}
