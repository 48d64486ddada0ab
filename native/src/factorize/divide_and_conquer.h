// Eigenvalues and eigenvectors of a symmetric tridiagonal matrix.
#pragma once
#include "gemm64.h"

namespace t2k
{
// T = diag(d) + off-diagonal e (e[n−1] unused). On return d holds the eigenvalues, in no particular order, and row i of `vectors` (n×n, leading dimension n)
// the eigenvector of d[i]. e is destroyed. Throws Failure(T2K_INTERNAL) if a leaf does not converge.
void solve_tridiagonal(const Gemm64& gemm, int64_t n, double* d, double* e, double* vectors);
}
