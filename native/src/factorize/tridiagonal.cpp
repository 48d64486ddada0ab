// Blocked as in LAPACK's latrd: inside a block of kBlock columns the trailing matrix is left alone and each A·v corrected by the block's own (V, W) pairs;
// after the block one rank-2·kBlock product updates the trailing upper triangle. Half of the 4/3·n³ flops are that product, half the symmetric A·v, which
// reads each stored element once (symmetric_rows). Backward error: n·2⁻⁵³·‖A‖, as any Householder reduction.
// Rejected: reduction to a band first (faster from n ≈ 2000 on, but it doubles the back-transformation and the code).
#include "tridiagonal.h"
#include <algorithm>
#include <cmath>
#include <vector>

namespace t2k
{
namespace
{
constexpr int64_t kBlock = 32;
constexpr int64_t kBackBlock = 64;
constexpr int64_t kParallel = 768; // below this many columns a barrier costs more than the product

// y = A·v for the trailing upper triangle that starts at row `first`. Cut the same way however many threads there are, and summed in the order of the cuts:
// factors are the same bits on any number of threads.
class SymmetricProduct
{
public:
    SymmetricProduct(const Gemm64& gemm, const double* a, int64_t n)
        : gemm_(gemm), a_(a), n_(n), tasks_(std::clamp<int64_t>(n / 128, 8, 32)), partial_(n > kParallel ? n * tasks_ : 0)
    {
    }

    void run(int64_t first, const double* v, double* y)
    {
        std::fill(y + first, y + n_, 0.0);
        const int64_t size = n_ - first;
        if (partial_.size() == 0 || size < kParallel)
        {
            gemm_.kernels.symmetric_rows(a_, n_, n_, first, n_, v, y);
            return;
        }
        // Row i has n − i elements: cut so that every task has the same number of elements. It adds to nothing before its first row.
        const auto cut = [&](int64_t task) {
            const double share = static_cast<double>(task) / static_cast<double>(tasks_);
            return task == tasks_ ? n_ : first + static_cast<int64_t>((1 - std::sqrt(1 - share)) * static_cast<double>(size)) / 4 * 4;
        };
        gemm_.team.run(tasks_, gemm_.cancellation, [&](int64_t task, int) {
            double* const sum = partial_.data() + task * n_;
            std::fill(sum + cut(task), sum + n_, 0.0);
            gemm_.kernels.symmetric_rows(a_, n_, n_, cut(task), cut(task + 1), v, sum);
        });
        for (int64_t task = 0; task < tasks_; ++task)
            gemm_.kernels.axpy(1.0, partial_.data() + task * n_ + cut(task), y + cut(task), n_ - cut(task));
    }

private:
    const Gemm64& gemm_;
    const double* a_;
    int64_t n_;
    int64_t tasks_;
    AlignedBuffer<double> partial_;
};

// Turns x[0..n) into v with v[0] = 1 so that (I − tau·v·vᵀ)·x = beta·e₀.
double reflector(const DenseKernels& kernels, double* x, int64_t n, double& beta)
{
    const double tail = n > 1 ? kernels.dot(x + 1, x + 1, n - 1) : 0.0;
    const double head = x[0];
    x[0] = 1;
    if (tail == 0)
    {
        beta = head;
        return 0;
    }
    beta = -std::copysign(std::sqrt(head * head + tail), head);
    const double scale = 1 / (head - beta);
    for (int64_t i = 1; i < n; ++i)
        x[i] *= scale;
    return (beta - head) / beta;
}
}

void tridiagonalize(const Gemm64& gemm, double* a, int64_t n, double* d, double* e, double* tau)
{
    const DenseKernels& kernels = gemm.kernels;
    const int64_t block = std::min(kBlock, n);
    AlignedBuffer<double> pairs(3 * block * n); // V, W, V again: (V,W) and (W,V) are both contiguous
    SymmetricProduct product(gemm, a, n);
    for (int64_t j0 = 0; j0 < n; j0 += block)
    {
        gemm.cancellation.throw_if_requested();
        const int64_t j1 = std::min(j0 + block, n);
        std::fill_n(pairs.data(), 3 * block * n, 0.0);
        double* const v = pairs.data();
        double* const w = v + block * n;
        for (int64_t j = j0; j < j1; ++j)
        {
            double* const row = a + j * n;
            const int64_t k = j - j0;
            for (int64_t p = 0; p < k; ++p)
            {
                kernels.axpy(-v[p * n + j], w + p * n + j, row + j, n - j);
                kernels.axpy(-w[p * n + j], v + p * n + j, row + j, n - j);
            }
            d[j] = row[j];
            e[j] = tau[j] = 0;
            if (j + 1 == n)
                break;
            const int64_t first = j + 1, length = n - first;
            tau[j] = reflector(kernels, row + first, length, e[j]);
            std::copy_n(row + first, length, v + k * n + first);
            if (tau[j] == 0)
                continue;
            double* const y = w + k * n;
            product.run(first, row, y);
            for (int64_t p = 0; p < k; ++p)
            {
                const double wv = kernels.dot(w + p * n + first, row + first, length), vv = kernels.dot(v + p * n + first, row + first, length);
                kernels.axpy(-wv, v + p * n + first, y + first, length);
                kernels.axpy(-vv, w + p * n + first, y + first, length);
            }
            for (int64_t i = first; i < n; ++i)
                y[i] *= tau[j];
            kernels.axpy(-0.5 * tau[j] * kernels.dot(y + first, row + first, length), row + first, y + first, length);
        }
        if (j1 >= n)
            break;
        std::copy_n(v, block * n, w + block * n);
        const int64_t rest = n - j1;
        gemm.multiply(rest, rest, 2 * block, -1.0, {v + j1, nullptr, 1, n}, {w + j1, nullptr, n, 1}, a + j1 * n + j1, n, true);
    }
}

void apply_reflectors(const Gemm64& gemm, double* a, const double* tau, int64_t n, double* rows, int64_t count)
{
    const DenseKernels& kernels = gemm.kernels;
    const int64_t reflectors = n - 1;
    if (reflectors <= 0)
        return;
    const int64_t block = std::min(kBackBlock, reflectors);
    AlignedBuffer<double> triangle(block * block), inner(block * n), projected(count * block);
    for (int64_t j0 = (reflectors - 1) / block * block; j0 >= 0; j0 -= block)
    {
        const int64_t width = std::min(block, reflectors - j0), first = j0 + 1, length = n - first;
        // H_{j0}⋯H_{j0+width−1} = I − V·T·Vᵀ; rows j of V start at column j+1.
        for (int64_t q = 0; q < width; ++q)
            std::fill(a + (j0 + q) * n + first, a + (j0 + q) * n + first + q, 0.0);
        const auto v = [&](int64_t q) { return a + (j0 + q) * n + first; };
        for (int64_t i = 0; i < width; ++i)
        {
            std::vector<double> overlap(static_cast<size_t>(i));
            for (int64_t q = 0; q < i; ++q)
                overlap[static_cast<size_t>(q)] = kernels.dot(v(q) + i, v(i) + i, length - i);
            for (int64_t r = 0; r < i; ++r)
            {
                double total = 0;
                for (int64_t q = r; q < i; ++q)
                    total += triangle[r * block + q] * overlap[static_cast<size_t>(q)];
                triangle[r * block + i] = -tau[j0 + i] * total;
            }
            triangle[i * block + i] = tau[j0 + i];
        }
        // rows −= (rows·V)·(Tᵀ·Vᵀ)
        std::fill_n(inner.data(), width * length, 0.0);
        for (int64_t p = 0; p < width; ++p)
            for (int64_t q = 0; q <= p; ++q)
                kernels.axpy(triangle[q * block + p], v(q), inner.data() + p * length, length);
        std::fill_n(projected.data(), count * width, 0.0);
        gemm.multiply(count, width, length, 1.0, {rows + first, nullptr, n, 1}, {v(0), nullptr, 1, n}, projected.data(), width);
        gemm.multiply(count, length, width, -1.0, {projected.data(), nullptr, width, 1}, {inner.data(), nullptr, length, 1}, rows + first, n);
    }
}
}
