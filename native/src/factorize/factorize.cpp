// G = WᵀW or W·Wᵀ (the smaller) in fp64, exact products of fp32 values → tridiagonal → divide and conquer → back. Flops: m·n² + 4/3·n³ + ≤ 4/3·n³ + 2·n³.
//
// Accuracy. λ carries an error of about n·2⁻⁵³·λ₁, so σ = √λ loses digits as (σ₁/σ)²: where σ < 0.01·σ₁ it is recomputed as ‖W·v‖, whose error is of second
// order in v's. Vectors are orthogonal to 1e-14 before they are rounded to fp32 (6e-8 each), which bounds the effect of any z on W' by about 1e-7 relative.
// Rejected: fp32 Gram (σ below 5e-5·σ₁ lost), one-sided Jacobi (12·n³ a sweep, about ten sweeps), a full SVD (the other side's vectors are never used).
#include "factorize.h"
#include "divide_and_conquer.h"
#include "tridiagonal.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace t2k
{
namespace
{
constexpr double kRefineBelow = 1e-4; // of λ₁

void check_finite(const float* weight, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; ++r)
    {
        const float* row = weight + r * cols;
        float sum = 0;
        for (int64_t c = 0; c < cols; ++c)
            sum += row[c] * 0.0f; // 0 for finite values, NaN otherwise
        if (sum == 0)
            continue;
        for (int64_t c = 0; c < cols; ++c)
            if (!std::isfinite(row[c]))
                throw Failure(T2K_NOT_FINITE, "The weight's value at row " + std::to_string(r) + ", column " + std::to_string(c) + " is not finite.");
    }
}

// ‖W·v‖ (or ‖Wᵀ·v‖) for rows `from`.. of the ordered vectors, in slices of the long side so that the products stay small.
void refine(const Gemm64& gemm, const float* weight, int64_t rows, int64_t cols, const double* vectors, int64_t count, double* norms)
{
    const bool right = cols <= rows;
    const int64_t n = std::min(rows, cols), longer = std::max(rows, cols);
    const int64_t slice = std::min<int64_t>(longer, 512);
    AlignedBuffer<double> product(count * slice);
    std::fill_n(norms, count, 0.0);
    for (int64_t first = 0; first < longer; first += slice)
    {
        const int64_t width = std::min(slice, longer - first);
        std::fill_n(product.data(), count * width, 0.0);
        const View w = right ? View{nullptr, weight + first * cols, 1, cols} : View{nullptr, weight + first, cols, 1};
        gemm.multiply(count, width, n, 1.0, {vectors, nullptr, n, 1}, w, product.data(), width);
        for (int64_t i = 0; i < count; ++i)
            norms[i] += gemm.kernels.dot(product.data() + i * width, product.data() + i * width, width);
    }
    for (int64_t i = 0; i < count; ++i)
        norms[i] = std::sqrt(norms[i]);
}
}

int64_t factorize_bytes(int64_t rows, int64_t cols, int threads)
{
    const int64_t n = std::min(rows, cols);
    // Gram, vectors, roots, merge rows; then packing buffers and panels.
    return 8 * (4 * n * n + 400 * n + static_cast<int64_t>(threads) * (96 * 192 + 4096) + 192 * std::min<int64_t>(n + 64, 4096));
}

void factorize(const KernelTable& kernels, const float* weight, int64_t rows, int64_t cols, double* sigma, float* basis, int threads,
               const Cancellation& cancellation)
{
    check_finite(weight, rows, cols);
    const DenseKernels& dense = kernels.dense;
    const int64_t n = std::min(rows, cols), longer = std::max(rows, cols);
    Team team(threads);
    const Gemm64 gemm{dense, team, cancellation};

    AlignedBuffer<double> gram(n * n), d(n), e(n), tau(n);
    std::fill_n(gram.data(), n * n, 0.0);
    const View tall{nullptr, weight, 1, cols}, wide{nullptr, weight, cols, 1}; // Wᵀ and W
    gemm.multiply(n, n, longer, 1.0, cols <= rows ? tall : wide, cols <= rows ? wide : tall, gram.data(), n, true);
    tridiagonalize(gemm, gram.data(), n, d.data(), e.data(), tau.data());

    // To unit size: the solver's tolerances are then relative to 1.
    double largest = 0;
    for (int64_t i = 0; i < n; ++i)
        largest = std::max({largest, std::fabs(d[i]), std::fabs(e[i])});
    const double scale = largest > 0 ? largest : 1;
    for (int64_t i = 0; i < n; ++i)
    {
        d[i] /= scale;
        e[i] /= scale;
    }
    AlignedBuffer<double> vectors(n * n);
    solve_tridiagonal(gemm, n, d.data(), e.data(), vectors.data());
    apply_reflectors(gemm, gram.data(), tau.data(), n, vectors.data(), n);
    gram = AlignedBuffer<double>();

    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return d[a] > d[b]; });
    std::vector<double> values(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i)
        values[static_cast<size_t>(i)] = std::sqrt(std::max(d[i], 0.0) * scale);

    int64_t small = n;
    while (small > 0 && d[order[static_cast<size_t>(small - 1)]] < kRefineBelow * d[order[0]])
        --small;
    constexpr int64_t batch = 256;
    for (int64_t first = small; first < n; first += batch)
    {
        const int64_t count = std::min(batch, n - first);
        AlignedBuffer<double> gathered(count * n), norms(count);
        for (int64_t i = 0; i < count; ++i)
            std::copy_n(vectors.data() + order[static_cast<size_t>(first + i)] * n, n, gathered.data() + i * n);
        refine(gemm, weight, rows, cols, gathered.data(), count, norms.data());
        for (int64_t i = 0; i < count; ++i)
            values[static_cast<size_t>(order[static_cast<size_t>(first + i)])] = norms[i];
    }
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return values[static_cast<size_t>(a)] > values[static_cast<size_t>(b)]; });
    for (int64_t i = 0; i < n; ++i)
    {
        const int64_t from = order[static_cast<size_t>(i)];
        sigma[i] = values[static_cast<size_t>(from)];
        dense.to_f32(vectors.data() + from * n, 1.0, basis + i * n, n);
    }
}
}
