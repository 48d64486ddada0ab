#include "sgemm.h"
#include "../common/aligned.h"
#include "../common/status.h"
#include <algorithm>
#include <cstring>

namespace t2k
{
namespace
{
constexpr int64_t kDepth = 256;   // of a block
constexpr int64_t kColumns = 512; // of B packed at a time by sgemm: half a second-level cache of 1 MiB
constexpr int64_t kHeader = 16;   // floats before a packed B, so that it stays aligned
constexpr int kMostRows = 12, kMostColumns = 32;

// Reused from call to call: small products would spend their time allocating.
float* scratch(int64_t floats)
{
    thread_local AlignedBuffer<float> buffer;
    if (buffer.size() < floats)
        buffer = AlignedBuffer<float>(floats);
    return buffer.data();
}

int64_t panels(const SgemmKernels& kernels, int64_t n) { return (n + kernels.nr - 1) / kernels.nr; }

// Depths first..first+depth of columns column..column+n of B.
void pack_block(const SgemmKernels& kernels, SgemmMatrix b, int64_t column, int64_t n, int64_t first, int64_t depth, float* out)
{
    const int64_t nr = kernels.nr;
    for (int64_t j = 0; j < n; j += nr, out += depth * nr)
    {
        const int64_t valid = std::min(nr, n - j);
        if (valid < nr)
            std::fill_n(out, depth * nr, 0.0f);
        if (b.transposed)
            for (int64_t lane = 0; lane < valid; ++lane)
            {
                const float* x = b.data + (column + j + lane) * b.ld + first;
                for (int64_t d = 0; d < depth; ++d)
                    out[d * nr + lane] = x[d];
            }
        else
            for (int64_t d = 0; d < depth; ++d)
                std::memcpy(out + d * nr, b.data + (first + d) * b.ld + column + j, static_cast<size_t>(valid) * sizeof(float));
    }
}

// C's columns 0..n of one block of depths.
void multiply_block(const SgemmKernels& kernels, int64_t m, int64_t n, int64_t first, int64_t depth, SgemmMatrix a, const float* block, bool accumulate,
                    float* c, int64_t ldc)
{
    const int64_t mr = kernels.mr, nr = kernels.nr;
    alignas(64) float rows_of_a[kDepth * kMostRows];
    alignas(64) float edge[kMostRows * kMostColumns];
    for (int64_t i = 0; i < m; i += mr)
    {
        const int64_t rows = std::min(mr, m - i);
        const float* left = a.data + i * a.ld + first;
        int64_t row_step = a.ld, depth_step = 1;
        if (a.transposed)
        {
            if (rows == kMostRows) // of known length: three vector moves
                for (int64_t d = 0; d < depth; ++d)
                    std::memcpy(rows_of_a + d * kMostRows, a.data + (first + d) * a.ld + i, kMostRows * sizeof(float));
            else
                for (int64_t d = 0; d < depth; ++d)
                    for (int64_t r = 0; r < rows; ++r)
                        rows_of_a[d * mr + r] = a.data[(first + d) * a.ld + i + r];
            left = rows_of_a;
            row_step = 1;
            depth_step = mr;
        }
        for (int64_t j = 0; j < n; j += nr)
        {
            const float* panel = block + j * depth;
            const int64_t columns = std::min(nr, n - j);
            float* tile = c + i * ldc + j;
            if (columns == nr)
            {
                kernels.tile(static_cast<int>(rows), depth, left, row_step, depth_step, panel, tile, ldc, accumulate);
                continue;
            }
            std::fill_n(edge, rows * nr, 0.0f);
            if (accumulate)
                for (int64_t r = 0; r < rows; ++r)
                    std::copy_n(tile + r * ldc, columns, edge + r * nr);
            kernels.tile(static_cast<int>(rows), depth, left, row_step, depth_step, panel, edge, nr, accumulate);
            for (int64_t r = 0; r < rows; ++r)
                std::copy_n(edge + r * nr, columns, tile + r * ldc);
        }
    }
}
}

int64_t sgemm_packed_length(const KernelTable& table, int64_t n, int64_t k)
{
    return kHeader + panels(table.sgemm, n) * table.sgemm.nr * k;
}

void sgemm_pack(const KernelTable& table, int64_t n, int64_t k, SgemmMatrix b, float* packed)
{
    const SgemmKernels& kernels = table.sgemm;
    packed[0] = static_cast<float>(kernels.nr);
    const int64_t width = panels(kernels, n) * kernels.nr;
    for (int64_t first = 0; first < k; first += kDepth)
        pack_block(kernels, b, 0, n, first, std::min(kDepth, k - first), packed + kHeader + first * width);
}

void sgemm_packed(const KernelTable& table, int64_t m, int64_t n, int64_t k, SgemmMatrix a, const float* packed, bool accumulate, float* c, int64_t ldc)
{
    const SgemmKernels& kernels = table.sgemm;
    if (packed[0] != static_cast<float>(kernels.nr))
        throw Failure(T2K_INVALID, "The matrix was packed under another instruction set.");
    const int64_t width = panels(kernels, n) * kernels.nr;
    for (int64_t first = 0; first < k; first += kDepth)
        multiply_block(kernels, m, n, first, std::min(kDepth, k - first), a, packed + kHeader + first * width, accumulate || first > 0, c, ldc);
}

void sgemm(const KernelTable& table, int64_t m, int64_t n, int64_t k, SgemmMatrix a, SgemmMatrix b, bool accumulate, float* c, int64_t ldc)
{
    const SgemmKernels& kernels = table.sgemm;
    for (int64_t column = 0; column < n; column += kColumns)
    {
        const int64_t columns = std::min(kColumns, n - column);
        float* block = scratch(panels(kernels, columns) * kernels.nr * std::min(k, kDepth));
        for (int64_t first = 0; first < k; first += kDepth)
        {
            const int64_t depth = std::min(kDepth, k - first);
            pack_block(kernels, b, column, columns, first, depth, block);
            multiply_block(kernels, m, columns, first, depth, a, block, accumulate || first > 0, c + column, ldc);
        }
    }
}
}
