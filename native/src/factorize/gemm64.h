// C += alpha·A·B in fp64 with every operand given by strides, blocked and packed; what the factorisation is built from.
#pragma once
#include "../common/aligned.h"
#include "../common/status.h"
#include "../threads/team.h"
#include "dense_kernels.h"

namespace t2k
{
// A rows × columns view: element (i, j) at data[i·row + j·column]. Either of the pointers is set.
struct View
{
    const double* f64 = nullptr;
    const float* f32 = nullptr;
    int64_t row = 0, column = 0;
};

struct Gemm64
{
    const DenseKernels& kernels;
    Team& team;
    const Cancellation& cancellation;

    // C (rows × columns, row-major, ldc apart) += alpha·A (rows × depth)·B (depth × columns).
    // upper_only: only tiles that touch the diagonal or lie above it are computed (rows = columns, C symmetric).
    void multiply(int64_t rows, int64_t columns, int64_t depth, double alpha, View a, View b, double* c, int64_t ldc, bool upper_only = false) const;
};
}
