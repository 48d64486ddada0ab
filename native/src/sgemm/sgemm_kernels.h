// The register tile of the plain fp32 products, one per instruction set.
#pragma once
#include <cstdint>

namespace t2k
{
struct SgemmKernels
{
    int mr = 0, nr = 0; // rows and columns of a tile

    // C[rows × nr] = or += A·B over `depth`, rows ≤ mr. A's element (row, d) is a[row·row_step + d·depth_step]; b holds nr values per depth.
    void (*tile)(int rows, int64_t depth, const float* a, int64_t row_step, int64_t depth_step, const float* b, float* c, int64_t ldc, bool accumulate) = nullptr;
};
}
