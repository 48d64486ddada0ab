// σ and the smaller side's singular vectors of a weight.
#pragma once
#include "../common/status.h"
#include "../dispatch/kernel_table.h"

namespace t2k
{
void factorize(const KernelTable& kernels, const float* data, int64_t rows, int64_t cols, double* sigma, float* basis, int threads,
               const Cancellation& cancellation);

int64_t factorize_bytes(int64_t rows, int64_t cols, int threads);
}
