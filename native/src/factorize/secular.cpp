// f(λ) = 1/rho + Σ zⱼ²/(dⱼ − λ) rises from −∞ to +∞ between neighbouring poles: one root in each gap, and one above the last pole within rho·‖z‖².
// λ is held as (nearest pole, η) so that dⱼ − λ does not cancel. Steps: the "middle way" of Li (LAPACK working note 89), which replaces the sums left and
// right of the gap by one pole each and solves a quadratic; a bracket catches every step that leaves it.
#include "secular.h"
#include <algorithm>
#include <cfloat>
#include <cmath>

namespace t2k
{
namespace
{
constexpr int kMostSteps = 120;

// The root of c·x² − a·x + b = 0 that continues b/a (minus) or the other one (plus), without cancellation.
double quadratic(double a, double b, double c, bool plus)
{
    const double root = std::sqrt(std::fabs(a * a - 4 * b * c));
    if (c == 0)
        return b / a;
    if (plus)
        return a >= 0 ? (a + root) / (2 * c) : 2 * b / (a - root);
    return a <= 0 ? (a - root) / (2 * c) : 2 * b / (a + root);
}
}

double secular_root(const DenseKernels& kernels, int64_t n, const double* d, const double* z, double rho, int64_t i, double* row)
{
    const double constant = 1 / rho;
    if (n == 1)
    {
        const double step = rho * z[0] * z[0];
        row[0] = -step;
        return d[0] + step;
    }
    const bool top = i == n - 1;
    // The two poles that shape f near the root, and the index that separates the left sum from the right one.
    const int64_t left = top ? n - 2 : i, right = left + 1, split = top ? n - 1 : i + 1;
    const double reach = top ? rho * kernels.dot(z, z, n) : d[right] - d[left];

    // Which half of the interval? The answer picks the origin.
    const double start = top ? d[right] : d[left];
    for (int64_t j = 0; j < n; ++j)
        row[j] = d[j] - start;
    SecularSums sums = kernels.secular(row, z, reach / 2, split, n);
    const double middle = constant + sums.low + sums.high;
    const bool far = middle < 0; // the root is in the upper half
    const int64_t origin = top || far ? right : left;
    double low = far ? reach / 2 : 0, high = far ? reach : reach / 2;
    if (origin != left && !top)
    {
        low -= reach;
        high -= reach;
        for (int64_t j = 0; j < n; ++j)
            row[j] = d[j] - d[origin];
    }

    // First guess: both poles exact, the rest frozen at the middle.
    const double zl = z[left] * z[left], zr = z[right] * z[right];
    const double at = top ? reach / 2 : (origin == left ? reach / 2 : -reach / 2);
    const double rest = middle - zl / (row[left] - at) - zr / (row[right] - at);
    double eta = quadratic(rest * (row[left] + row[right]) + zl + zr, zl * row[right] + zr * row[left], rest, top);
    if (!(eta > low && eta < high))
        eta = low + (high - low) / 2;

    for (int step = 0; step < kMostSteps; ++step)
    {
        sums = kernels.secular(row, z, eta, split, n);
        const double f = constant + sums.low + sums.high, slope = sums.low_slope + sums.high_slope;
        if (std::fabs(f) <= DBL_EPSILON * (8 * (constant + sums.magnitude) + std::fabs(eta) * slope))
            break;
        (f < 0 ? low : high) = eta;
        const double to_left = row[left] - eta, to_right = row[right] - eta;
        double c = f - to_left * sums.low_slope - to_right * sums.high_slope;
        if (top)
            c = std::fabs(c);
        double move = quadratic((to_left + to_right) * f - to_left * to_right * slope, to_left * to_right * f, c, top);
        if (!(f * move < 0))
            move = -f / slope;
        double next = eta + move;
        if (!(next > low && next < high))
            next = low + (high - low) / 2;
        if (next == eta || next == low || next == high)
            break;
        eta = next;
    }
    for (int64_t j = 0; j < n; ++j)
        row[j] -= eta;
    return d[origin] + eta;
}
}
