// G = WᵀW or W·Wᵀ (the smaller) in fp64, exact products of fp32 values → tridiagonal → divide and conquer → back. Flops: m·n² + 4/3·n³ + ≤ 4/3·n³ + 2·n³.
//
// Accuracy. λ carries an error of about n·2⁻⁵³·λ₁, so σ = √λ loses digits as (σ₁/σ)². The vectors with σ < 0.01·σ₁ therefore span a subspace that is solved
// again by itself (Rayleigh-Ritz: the Gram matrix of W·V restricted to them, whose own largest value is now the unit of error), and again, as far as needed:
// σ to 1e-11 relative or 1e-14·σ₁, as a full fp64 SVD gives. Vectors are orthogonal to 1e-14 before they are rounded to fp32 (6e-8 each), which bounds the
// effect of any z on W' by about 1e-7 relative. Were they stored in F16 or BF16, a z in [0.5, 1.5] would come out 2e-4 or 1.5e-3 of ‖W‖ away (8e-5 and 7e-4
// measured), in proportion to rms(z − 1).
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
constexpr double kRefineBelow = 1e-4; // of the largest λ solved with it
constexpr double kNoise = 1e-30;      // of λ₁: what rounding the vectors to fp64 leaves

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

// Eigenvalues, descending, and eigenvectors (as rows) of the symmetric n×n matrix whose upper triangle `a` holds; `a` is destroyed.
void solve_symmetric(const Gemm64& gemm, AlignedBuffer<double>& a, int64_t n, double* values, AlignedBuffer<double>& vectors)
{
    AlignedBuffer<double> d(n), e(n), tau(n);
    tridiagonalize(gemm, a.data(), n, d.data(), e.data(), tau.data());
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
    AlignedBuffer<double> unordered(n * n);
    solve_tridiagonal(gemm, n, d.data(), e.data(), unordered.data());
    apply_reflectors(gemm, a.data(), tau.data(), n, unordered.data(), n);

    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    std::sort(order.begin(), order.end(), [&](int64_t x, int64_t y) { return d[x] > d[y]; });
    vectors = std::move(a); // no longer needed: the rows go there in order
    for (int64_t i = 0; i < n; ++i)
    {
        values[i] = std::max(d[order[static_cast<size_t>(i)]], 0.0) * scale;
        std::copy_n(unordered.data() + order[static_cast<size_t>(i)] * n, n, vectors.data() + i * n);
    }
}

struct Weight
{
    const float* data;
    int64_t rows, cols;

    bool right() const { return cols <= rows; }
    int64_t rank() const { return std::min(rows, cols); }
    int64_t longer() const { return std::max(rows, cols); }

    // The smaller side along rows (rank × longer), and along columns, from position `first` of the longer side on.
    View across(int64_t first = 0) const { return right() ? View{nullptr, data + first * cols, 1, cols} : View{nullptr, data + first, cols, 1}; }
    View along(int64_t first = 0) const { return right() ? View{nullptr, data + first * cols, cols, 1} : View{nullptr, data + first, 1, cols}; }
};

// Rayleigh-Ritz on the subspace of `count` orthonormal rows: replaces them by the Ritz vectors and their values, descending.
void solve_subspace(const Gemm64& gemm, const Weight& weight, double* rows, int64_t count, double* values)
{
    const int64_t n = weight.rank();
    AlignedBuffer<double> gram(count * count);
    std::fill_n(gram.data(), count * count, 0.0);
    const int64_t slice = std::min<int64_t>(weight.longer(), 512);
    {
        AlignedBuffer<double> product(count * slice);
        for (int64_t first = 0; first < weight.longer(); first += slice)
        {
            const int64_t width = std::min(slice, weight.longer() - first);
            std::fill_n(product.data(), count * width, 0.0);
            gemm.multiply(count, width, n, 1.0, {rows, nullptr, n, 1}, weight.across(first), product.data(), width);
            gemm.multiply(count, count, width, 1.0, {product.data(), nullptr, width, 1}, {product.data(), nullptr, 1, width}, gram.data(), count, true);
        }
    }
    AlignedBuffer<double> rotation;
    solve_symmetric(gemm, gram, count, values, rotation);
    AlignedBuffer<double> rotated(count * n);
    std::fill_n(rotated.data(), count * n, 0.0);
    gemm.multiply(count, n, count, 1.0, {rotation.data(), nullptr, count, 1}, {rows, nullptr, n, 1}, rotated.data(), n);
    std::copy_n(rotated.data(), count * n, rows);
}
}

int64_t factorize_bytes(int64_t rows, int64_t cols, int threads)
{
    const int64_t n = std::min(rows, cols);
    // Gram, vectors, roots, merge rows, partial sums; then packing buffers and panels.
    return 8 * (4 * n * n + 400 * n + static_cast<int64_t>(threads) * (96 * 192 + 4096) + 192 * std::min<int64_t>(n + 64, 4096));
}

void factorize(const KernelTable& kernels, const float* data, int64_t rows, int64_t cols, double* sigma, float* basis, int threads,
               const Cancellation& cancellation)
{
    check_finite(data, rows, cols);
    const Weight weight{data, rows, cols};
    const int64_t n = weight.rank();
    Team team(threads);
    const Gemm64 gemm{kernels.dense, team, cancellation};

    AlignedBuffer<double> gram(n * n), vectors, values(n);
    std::fill_n(gram.data(), n * n, 0.0);
    gemm.multiply(n, n, weight.longer(), 1.0, weight.across(), weight.along(), gram.data(), n, true);
    solve_symmetric(gemm, gram, n, values.data(), vectors);

    const double top = values[0];
    for (int64_t solved = 0; top > 0;)
    {
        const double unit = values[solved];
        while (solved < n && values[solved] >= kRefineBelow * unit)
            ++solved;
        if (solved == n || unit <= kNoise * top)
            break;
        solve_subspace(gemm, weight, vectors.data() + solved * n, n - solved, values.data() + solved);
    }
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return values[a] > values[b]; });
    for (int64_t i = 0; i < n; ++i)
    {
        const int64_t from = order[static_cast<size_t>(i)];
        sigma[i] = std::sqrt(values[from]);
        kernels.dense.to_f32(vectors.data() + from * n, 1.0, basis + i * n, n);
    }
}
}
