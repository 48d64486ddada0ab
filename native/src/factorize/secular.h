// The rank-one update at the heart of divide and conquer.
#pragma once
#include "dense_kernels.h"

namespace t2k
{
// The i-th eigenvalue (ascending) of diag(d) + rho·z·zᵀ, for d strictly ascending, no zⱼ zero, rho > 0. row[j] receives d[j] − λ, each to high relative
// accuracy: that is what orthogonal eigenvectors need.
double secular_root(const DenseKernels& kernels, int64_t n, const double* d, const double* z, double rho, int64_t i, double* row);
}
