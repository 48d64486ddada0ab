// Cuppen's divide and conquer in the stable form of Gu and Eisenstat.
//   T = [T₁ 0; 0 T₂] + rho·v·vᵀ; with T₁, T₂ solved, the eigenvectors of diag(d) + rho·z·zᵀ combine theirs.
//   Deflation: components that cannot matter (rho·|z| or a coupling below 8ε·‖·‖) leave the problem unchanged.
//   ẑ is recomputed from the computed roots, so that the eigenvectors are orthogonal to working precision however close the roots.
// Eigenvectors are rows throughout: leaves rotate rows, deflation rotates rows, and a merge is two products (rows from T₁ have zeros right of the cut, rows
// from T₂ left of it). Orthogonality and residual: O(n·2⁻⁵³).
// Rejected: implicit QL on the whole (6·n³ flops in rotations, measured bound by memory), inverse iteration (clusters).
#include "divide_and_conquer.h"
#include "secular.h"
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numeric>
#include <vector>

namespace t2k
{
namespace
{
constexpr int64_t kLeaf = 32;

// Implicit QL with Wilkinson's shift on rows first..last of the problem; `vectors` points at row `first`, column `first`.
void leaf(const DenseKernels& kernels, int64_t n, double* d, double* e, double* vectors, int64_t ld)
{
    for (int64_t i = 0; i < n; ++i)
    {
        std::fill_n(vectors + i * ld, n, 0.0);
        vectors[i * ld + i] = 1;
    }
    e[n - 1] = 0;
    for (int64_t l = 0; l < n; ++l)
    {
        for (int sweep = 0;; ++sweep)
        {
            int64_t m = l;
            while (m + 1 < n && std::fabs(e[m]) > DBL_EPSILON * (std::fabs(d[m]) + std::fabs(d[m + 1])))
                ++m;
            if (m == l)
                break;
            if (sweep == 60)
                throw Failure(T2K_INTERNAL, "The eigenvalue iteration did not converge in 60 sweeps.");
            double g = (d[l + 1] - d[l]) / (2 * e[l]);
            g = d[m] - d[l] + e[l] / (g + std::copysign(std::hypot(g, 1.0), g));
            double s = 1, c = 1, p = 0;
            int64_t i = m - 1;
            for (; i >= l; --i)
            {
                const double f = s * e[i], b = c * e[i];
                double r = std::hypot(f, g);
                e[i + 1] = r;
                if (r == 0)
                {
                    d[i + 1] -= p;
                    e[m] = 0;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
                kernels.rotate(vectors + (i + 1) * ld, vectors + i * ld, c, s, n);
            }
            if (i >= l)
                continue;
            d[l] -= p;
            e[l] = g;
            e[m] = 0;
        }
    }
}

// Which half a row of eigenvectors has its values in.
enum Half : uint8_t
{
    Upper,
    Both,
    Lower,
};

class Solver
{
public:
    Solver(const Gemm64& gemm, int64_t n, double* d, double* e, double* vectors)
        : gemm_(gemm), n_(n), d_(d), e_(e), vectors_(vectors), roots_(n * n), work_(n * n), z_(n), order_(static_cast<size_t>(n)),
          half_(static_cast<size_t>(n))
    {
    }

    void solve(int64_t first, int64_t last)
    {
        if (last - first <= kLeaf)
        {
            leaf(gemm_.kernels, last - first, d_ + first, e_ + first, vectors_ + first * n_ + first, n_);
            return;
        }
        const int64_t cut = first + (last - first) / 2;
        const double coupling = e_[cut - 1];
        d_[cut - 1] -= std::fabs(coupling);
        d_[cut] -= std::fabs(coupling);
        solve(first, cut);
        solve(cut, last);
        merge(first, cut, last, coupling);
    }

private:
    double* row(int64_t i) const { return vectors_ + i * n_; }

    void merge(int64_t first, int64_t cut, int64_t last, double coupling)
    {
        const int64_t size = last - first;
        for (int64_t i = first; i < cut; ++i)
            std::fill(row(i) + cut, row(i) + last, 0.0);
        for (int64_t i = cut; i < last; ++i)
            std::fill(row(i) + first, row(i) + cut, 0.0);
        const double sign = std::copysign(std::sqrt(0.5), coupling);
        for (int64_t i = first; i < last; ++i)
        {
            z_[i] = i < cut ? std::sqrt(0.5) * row(i)[cut - 1] : sign * row(i)[cut];
            half_[static_cast<size_t>(i)] = i < cut ? Upper : Lower;
        }
        const double rho = 2 * std::fabs(coupling);
        deflate(first, last, rho);
        if (!kept_.empty())
            update(first, cut, last, size, rho);
    }

    // Splits first..last into kept_ (ascending d, nonzero z) and deflated_.
    void deflate(int64_t first, int64_t last, double rho)
    {
        kept_.clear();
        deflated_.clear();
        double largest = 0;
        for (int64_t i = first; i < last; ++i)
            largest = std::max({largest, std::fabs(d_[i]), std::fabs(z_[i])});
        const double tolerance = 8 * DBL_EPSILON * largest;
        const auto begin = order_.begin(), end = begin + (last - first);
        std::iota(begin, end, first);
        std::sort(begin, end, [this](int64_t a, int64_t b) { return d_[a] < d_[b]; });
        int64_t previous = -1;
        for (auto it = begin; it != end; ++it)
        {
            const int64_t i = *it;
            if (rho * std::fabs(z_[i]) <= tolerance)
            {
                deflated_.push_back(i);
                continue;
            }
            if (previous < 0)
            {
                previous = i;
                continue;
            }
            // Rotate z[previous] into z[i] if the off-diagonal this leaves is negligible.
            const double length = std::hypot(z_[i], z_[previous]);
            const double c = z_[i] / length, s = -z_[previous] / length, gap = d_[i] - d_[previous];
            if (std::fabs(gap * c * s) > tolerance)
            {
                kept_.push_back(previous);
                previous = i;
                continue;
            }
            z_[i] = length;
            z_[previous] = 0;
            if (half_[static_cast<size_t>(i)] != half_[static_cast<size_t>(previous)])
                half_[static_cast<size_t>(i)] = half_[static_cast<size_t>(previous)] = Both;
            gemm_.kernels.rotate(row(previous) + first, row(i) + first, c, s, last - first);
            const double dp = d_[previous], di = d_[i];
            d_[previous] = dp * c * c + di * s * s;
            d_[i] = dp * s * s + di * c * c;
            deflated_.push_back(previous);
            previous = i;
        }
        if (previous >= 0)
            kept_.push_back(previous);
    }

    // Solves the kept part and writes its eigenvectors over rows first.. ; the deflated rows follow them.
    void update(int64_t first, int64_t cut, int64_t last, int64_t size, double rho)
    {
        const DenseKernels& kernels = gemm_.kernels;
        const int64_t k = static_cast<int64_t>(kept_.size()), gone = size - k, upper = cut - first, lower = last - cut;
        AlignedBuffer<double> d(k), z(k), weight(k), value(k);
        for (int64_t j = 0; j < k; ++j)
        {
            d[j] = d_[kept_[static_cast<size_t>(j)]];
            z[j] = z_[kept_[static_cast<size_t>(j)]];
        }
        // Rows in the order upper, both, lower: the first two feed the columns before the cut, the last two those after it.
        std::vector<int64_t> grouped(static_cast<size_t>(k));
        std::iota(grouped.begin(), grouped.end(), int64_t{0});
        const auto half = [this](int64_t j) { return half_[static_cast<size_t>(kept_[static_cast<size_t>(j)])]; };
        std::stable_sort(grouped.begin(), grouped.end(), [&](int64_t a, int64_t b) { return half(a) < half(b); });
        const int64_t only_upper = std::count_if(grouped.begin(), grouped.end(), [&](int64_t j) { return half(j) == Upper; });
        const int64_t not_lower = std::count_if(grouped.begin(), grouped.end(), [&](int64_t j) { return half(j) != Lower; });

        // work: (upper and both) × upper columns, (both and lower) × lower columns, then the deflated rows in full.
        double* const before = work_.data();
        double* const after = before + not_lower * upper;
        AlignedBuffer<double> aside(gone * size);
        for (int64_t p = 0; p < k; ++p)
        {
            const double* source = row(kept_[static_cast<size_t>(grouped[static_cast<size_t>(p)])]);
            if (p < not_lower)
                std::copy_n(source + first, upper, before + p * upper);
            if (p >= only_upper)
                std::copy_n(source + cut, lower, after + (p - only_upper) * lower);
        }
        std::vector<double> deflated_value(static_cast<size_t>(gone));
        for (int64_t p = 0; p < gone; ++p)
        {
            deflated_value[static_cast<size_t>(p)] = d_[deflated_[static_cast<size_t>(p)]];
            std::copy_n(row(deflated_[static_cast<size_t>(p)]) + first, size, aside.data() + p * size);
        }

        double* const roots = roots_.data();
        constexpr int64_t batch = 16;
        gemm_.team.run((k + batch - 1) / batch, gemm_.cancellation, [&](int64_t task, int) {
            for (int64_t i = task * batch; i < std::min(k, (task + 1) * batch); ++i)
                value[i] = secular_root(kernels, k, d.data(), z.data(), rho, i, roots + i * k);
        });
        // Löwner: ẑⱼ² = Π_i (λᵢ − dⱼ) / Π_{i≠j} (dᵢ − dⱼ), up to a factor that normalising removes.
        constexpr int64_t columns = 64;
        gemm_.team.run((k + columns - 1) / columns, gemm_.cancellation, [&](int64_t task, int) {
            const int64_t j0 = task * columns, j1 = std::min(k, j0 + columns);
            for (int64_t j = j0; j < j1; ++j)
                weight[j] = roots[j * k + j];
            for (int64_t i = 0; i < k; ++i)
            {
                const int64_t before_pole = std::clamp(i, j0, j1), after_pole = std::clamp(i + 1, j0, j1);
                kernels.ratios(weight.data(), roots + i * k, d.data(), d[i], j0, before_pole);
                kernels.ratios(weight.data(), roots + i * k, d.data(), d[i], after_pole, j1);
            }
            for (int64_t j = j0; j < j1; ++j)
                weight[j] = std::copysign(std::sqrt(std::max(-weight[j], 0.0)), z[j]);
        });
        gemm_.team.run((k + batch - 1) / batch, gemm_.cancellation, [&](int64_t task, int) {
            std::vector<double> permuted(static_cast<size_t>(k));
            for (int64_t i = task * batch; i < std::min(k, (task + 1) * batch); ++i)
            {
                double* const u = roots + i * k;
                const double scale = 1 / std::sqrt(kernels.quotients(u, weight.data(), k));
                for (int64_t p = 0; p < k; ++p)
                    permuted[static_cast<size_t>(p)] = u[grouped[static_cast<size_t>(p)]] * scale;
                std::copy(permuted.begin(), permuted.end(), u);
            }
        });

        for (int64_t i = 0; i < k; ++i)
        {
            std::fill_n(row(first + i) + first, size, 0.0);
            d_[first + i] = value[i];
        }
        gemm_.multiply(k, upper, not_lower, 1.0, {roots, nullptr, k, 1}, {before, nullptr, upper, 1}, row(first) + first, n_);
        gemm_.multiply(k, lower, k - only_upper, 1.0, {roots + only_upper, nullptr, k, 1}, {after, nullptr, lower, 1}, row(first) + cut, n_);
        for (int64_t p = 0; p < gone; ++p)
        {
            std::copy_n(aside.data() + p * size, size, row(first + k + p) + first);
            d_[first + k + p] = deflated_value[static_cast<size_t>(p)];
        }
    }

    const Gemm64& gemm_;
    int64_t n_;
    double* d_;
    double* e_;
    double* vectors_;
    AlignedBuffer<double> roots_, work_, z_;
    std::vector<int64_t> order_, kept_, deflated_;
    std::vector<Half> half_;
};
}

void solve_tridiagonal(const Gemm64& gemm, int64_t n, double* d, double* e, double* vectors)
{
    Solver(gemm, n, d, e, vectors).solve(0, n);
}
}
