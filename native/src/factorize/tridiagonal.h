// Householder tridiagonalisation of a symmetric matrix and the way back.
#pragma once
#include "gemm64.h"

namespace t2k
{
// A = Q·T·Qᵀ. `a` holds the upper triangle row-major (n×n, leading dimension n); on return row j holds the reflector v_j at columns j+1..n−1 (v_j[j+1] = 1).
// d[n], e[n]: diagonal and off-diagonal of T (e[n−1] unused). tau[n]: H_j = I − tau_j·v_j·v_jᵀ, Q = H_0·H_1⋯H_{n−2}.
void tridiagonalize(const Gemm64& gemm, double* a, int64_t n, double* d, double* e, double* tau);

// rows (count × n, leading dimension n) ← rows·Qᵀ: each row, an eigenvector of T, becomes one of A.
void apply_reflectors(const Gemm64& gemm, double* a, const double* tau, int64_t n, double* rows, int64_t count);
}
