// C = A·B and C += A·B of row-major fp32 matrices, each operand plain or transposed. On the caller's thread: training cuts its work into rows itself.
//
// B is copied into panels of nr columns, in blocks of 256 depths (block, panel, depth, column); A is read in place, or by tiles of mr rows when transposed.
// A tile's A (12 KiB) stays in the first-level cache while the panels of B stream from the second.
#pragma once
#include "../dispatch/kernel_table.h"
#include <cstdint>

namespace t2k
{
struct SgemmMatrix
{
    const float* data;
    int64_t ld; // distance of rows
    bool transposed;
};

// Floats that a packed B of k×n takes, its header included.
int64_t sgemm_packed_length(const KernelTable& table, int64_t n, int64_t k);
void sgemm_pack(const KernelTable& table, int64_t n, int64_t k, SgemmMatrix b, float* packed);

// packed: from sgemm_pack under the same instruction set (checked). c: m×n, rows ldc apart.
void sgemm_packed(const KernelTable& table, int64_t m, int64_t n, int64_t k, SgemmMatrix a, const float* packed, bool accumulate, float* c, int64_t ldc);
void sgemm(const KernelTable& table, int64_t m, int64_t n, int64_t k, SgemmMatrix a, SgemmMatrix b, bool accumulate, float* c, int64_t ldc);
}
