// Factorisations by their properties: σ against an independent Jacobi in fp64, orthonormal rows, Wᵀ·W·v = σ²·v, and the effect of a z.
#include "testing.h"
#include <algorithm>
#include <cstring>

namespace
{
struct Factors
{
    std::vector<double> sigma;
    std::vector<float> basis;
};

Factors factorized(const std::vector<float>& w, int64_t rows, int64_t cols, int threads)
{
    const auto r = static_cast<size_t>(std::min(rows, cols));
    Factors f{std::vector<double>(r + 1, -7), std::vector<float>(r * r + 1, -7)};
    CHECK(t2k_factorize(w.data(), rows, cols, f.sigma.data(), f.basis.data(), threads, nullptr) == T2K_OK, t2k_last_error());
    CHECK(f.sigma[r] == -7 && f.basis[r * r] == -7, "wrote past the end");
    f.sigma.resize(r);
    f.basis.resize(r * r);
    return f;
}

// One-sided Jacobi on the rows of the smaller side, in fp64: slow, and independent of everything in the library.
std::vector<double> singular_values(const std::vector<float>& w, int64_t rows, int64_t cols)
{
    const bool right = cols <= rows;
    const int64_t r = std::min(rows, cols), longer = std::max(rows, cols);
    std::vector<double> a(static_cast<size_t>(r * longer));
    for (int64_t i = 0; i < r; ++i)
        for (int64_t j = 0; j < longer; ++j)
            a[static_cast<size_t>(i * longer + j)] = w[static_cast<size_t>(right ? j * cols + i : i * cols + j)];
    for (int sweep = 0; sweep < 40; ++sweep)
    {
        bool rotated = false;
        for (int64_t p = 0; p < r; ++p)
            for (int64_t q = p + 1; q < r; ++q)
            {
                double* x = a.data() + p * longer;
                double* y = a.data() + q * longer;
                double xx = 0, yy = 0, xy = 0;
                for (int64_t j = 0; j < longer; ++j)
                {
                    xx += x[j] * x[j];
                    yy += y[j] * y[j];
                    xy += x[j] * y[j];
                }
                if (std::fabs(xy) <= 1e-15 * std::sqrt(xx * yy))
                    continue;
                rotated = true;
                const double tau = (yy - xx) / (2 * xy), t = (tau >= 0 ? 1 : -1) / (std::fabs(tau) + std::sqrt(1 + tau * tau));
                const double c = 1 / std::sqrt(1 + t * t), s = c * t;
                for (int64_t j = 0; j < longer; ++j)
                {
                    const double xj = x[j];
                    x[j] = c * xj - s * y[j];
                    y[j] = s * xj + c * y[j];
                }
            }
        if (!rotated)
            break;
    }
    std::vector<double> sigma(static_cast<size_t>(r));
    for (int64_t i = 0; i < r; ++i)
    {
        double squares = 0;
        for (int64_t j = 0; j < longer; ++j)
            squares += a[static_cast<size_t>(i * longer + j)] * a[static_cast<size_t>(i * longer + j)];
        sigma[static_cast<size_t>(i)] = std::sqrt(squares);
    }
    std::sort(sigma.begin(), sigma.end(), std::greater<>());
    return sigma;
}

void check_properties(const std::vector<float>& w, int64_t rows, int64_t cols, const Factors& f, const std::string& what)
{
    const bool right = cols <= rows;
    const int64_t r = std::min(rows, cols), longer = std::max(rows, cols);
    const double top = f.sigma[0];
    for (int64_t i = 0; i < r; ++i)
    {
        CHECK(std::isfinite(f.sigma[static_cast<size_t>(i)]) && f.sigma[static_cast<size_t>(i)] >= 0, what << ": sigma[" << i << "]");
        CHECK(i == 0 || f.sigma[static_cast<size_t>(i)] <= f.sigma[static_cast<size_t>(i - 1)], what << ": not descending at " << i);
    }
    for (int64_t i = 0; i < r; ++i)
        for (int64_t j = i; j < r; ++j)
        {
            double dot = 0;
            for (int64_t k = 0; k < r; ++k)
                dot += static_cast<double>(f.basis[static_cast<size_t>(i * r + k)]) * f.basis[static_cast<size_t>(j * r + k)];
            CHECK(std::fabs(dot - (i == j)) <= 1e-6, what << ": rows " << i << " and " << j << " give " << dot);
        }
    // ‖(W·Wᵀ or Wᵀ·W)·v − σ²·v‖ ≤ rounding of v to fp32 times σ₁².
    std::vector<double> projection(static_cast<size_t>(longer)), back(static_cast<size_t>(r));
    for (int64_t i = 0; i < r; ++i)
    {
        const float* v = f.basis.data() + i * r;
        std::fill(projection.begin(), projection.end(), 0.0);
        std::fill(back.begin(), back.end(), 0.0);
        const auto at = [&](int64_t small, int64_t large) { return static_cast<double>(w[static_cast<size_t>(right ? large * cols + small : small * cols + large)]); };
        for (int64_t a = 0; a < longer; ++a)
            for (int64_t k = 0; k < r; ++k)
                projection[static_cast<size_t>(a)] += at(k, a) * v[k];
        for (int64_t a = 0; a < longer; ++a)
            for (int64_t k = 0; k < r; ++k)
                back[static_cast<size_t>(k)] += at(k, a) * projection[static_cast<size_t>(a)];
        double residual = 0;
        const double s = f.sigma[static_cast<size_t>(i)];
        for (int64_t k = 0; k < r; ++k)
            residual += std::pow(back[static_cast<size_t>(k)] - s * s * v[k], 2);
        CHECK(std::sqrt(residual) <= 4e-7 * top * top + 1e-30, what << ": residual of vector " << i << " is " << std::sqrt(residual) / (top * top) << "·σ₁²");
    }
}
}

// What rounding the stored vectors does to W' for z in [0.5, 1.5]. With an error δ of each element, of rms ρ: ‖ΔW'‖ ≤ about √2·ρ·rms(z − 1)·‖W‖.
TEST(factorize, effect_of_z_with_factors_in_fp32_f16_and_bf16)
{
    const std::vector<std::pair<int32_t, double>> bounds{{0, 1e-7}, {1, 2e-4}, {30, 1.5e-3}};
    for (const auto& [rows, cols] : std::vector<std::pair<int64_t, int64_t>>{{150, 96}, {96, 150}, {128, 128}})
    {
        const auto w = normal_values(rows * cols, 77, 0.02);
        const int64_t r = std::min(rows, cols), longer = std::max(rows, cols);
        const bool right = cols <= rows;
        const Factors f = factorized(w, rows, cols, 2);
        Random random(9);
        std::vector<double> z(static_cast<size_t>(r));
        for (double& value : z)
            value = random.uniform(0.5, 1.5);
        // W·V·diag(z − 1)·Vᵀ (or its mirror image) in fp64, for each longer coordinate; the fp32 vectors, made orthonormal in fp64, are the reference.
        const auto delta = [&](const std::vector<double>& v) {
            std::vector<double> out(static_cast<size_t>(longer * r), 0.0);
            for (int64_t a = 0; a < longer; ++a)
                for (int64_t i = 0; i < r; ++i)
                {
                    double projection = 0;
                    for (int64_t k = 0; k < r; ++k)
                        projection += static_cast<double>(w[static_cast<size_t>(right ? a * cols + k : k * cols + a)]) * v[static_cast<size_t>(i * r + k)];
                    projection *= z[static_cast<size_t>(i)] - 1;
                    for (int64_t k = 0; k < r; ++k)
                        out[static_cast<size_t>(a * r + k)] += projection * v[static_cast<size_t>(i * r + k)];
                }
            return out;
        };
        std::vector<double> orthonormal(f.basis.begin(), f.basis.end());
        for (int pass = 0; pass < 2; ++pass) // V ← V·(3 − VᵀV)/2: to working precision from 1e-7
        {
            std::vector<double> next(orthonormal.size());
            for (int64_t i = 0; i < r; ++i)
                for (int64_t j = 0; j < r; ++j)
                {
                    double dot = 0;
                    for (int64_t k = 0; k < r; ++k)
                        dot += orthonormal[static_cast<size_t>(i * r + k)] * orthonormal[static_cast<size_t>(j * r + k)];
                    const double weight = (i == j ? 1.5 : 0.0) - dot / 2;
                    for (int64_t k = 0; k < r; ++k)
                        next[static_cast<size_t>(i * r + k)] += weight * orthonormal[static_cast<size_t>(j * r + k)];
                }
            orthonormal = std::move(next);
        }
        const auto exact = delta(orthonormal);
        double norm = 0;
        for (const float value : w)
            norm += static_cast<double>(value) * value;
        for (const auto& [type, bound] : bounds)
        {
            std::vector<uint8_t> stored(4 * f.basis.size());
            std::vector<float> read(f.basis.size());
            CHECK(t2k_quantize(type, f.basis.data(), r, r, stored.data(), 1) == T2K_OK, t2k_last_error());
            CHECK(t2k_dequantize(type, stored.data(), r, r, read.data(), 1) == T2K_OK, t2k_last_error());
            const auto rounded = delta({read.begin(), read.end()});
            double error = 0;
            for (size_t i = 0; i < exact.size(); ++i)
                error += (rounded[i] - exact[i]) * (rounded[i] - exact[i]);
            CHECK(std::sqrt(error / norm) <= bound, rows << "×" << cols << ", type " << type << ": " << std::sqrt(error / norm));
            CHECK(type == 0 || std::sqrt(error / norm) >= bound / 10, "the bound says nothing: " << std::sqrt(error / norm));
        }
    }
}

TEST(factorize, singular_values_and_vectors_of_awkward_shapes)
{
    const std::vector<std::pair<int64_t, int64_t>> shapes{{1, 1},  {1, 9},   {9, 1},   {2, 2},   {2, 3},    {3, 2},   {5, 5},   {7, 31},   {31, 7},
                                                          {31, 31}, {32, 32}, {33, 33}, {63, 64}, {64, 65},  {65, 63}, {97, 97}, {130, 61}, {61, 130},
                                                          {129, 129}, {150, 131}};
    for (const auto& [rows, cols] : shapes)
    {
        const auto w = normal_values(rows * cols, static_cast<uint64_t>(rows * 1000 + cols), 0.02);
        const auto expected = singular_values(w, rows, cols);
        for_each_isa([&, rows = rows, cols = cols](const std::string&) {
            for (const int threads : {1, 3})
            {
                const auto what = std::to_string(rows) + "×" + std::to_string(cols);
                const Factors f = factorized(w, rows, cols, threads);
                for (size_t i = 0; i < expected.size(); ++i)
                    CHECK(std::fabs(f.sigma[i] - expected[i]) <= 1e-11 * expected[i] + 1e-14 * expected[0],
                          what << ": sigma[" << i << "] is " << f.sigma[i] << ", not " << expected[i]);
                check_properties(w, rows, cols, f, what);
            }
        });
    }
}

TEST(factorize, the_same_bits_on_any_number_of_threads)
{
    // Small enough for one thread to do alone, and so large that A·v is cut.
    for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{70, 90}, {840, 830}})
    {
        const std::vector<float> w = normal_values(rows * cols, 5);
        const Factors one = factorized(w, rows, cols, 1);
        for (const int threads : {2, 3, 4, 4})
        {
            const Factors many = factorized(w, rows, cols, threads);
            CHECK(std::memcmp(one.sigma.data(), many.sigma.data(), one.sigma.size() * sizeof(double)) == 0, rows << "x" << cols << ": sigma on " << threads << " threads");
            CHECK(std::memcmp(one.basis.data(), many.basis.data(), one.basis.size() * sizeof(float)) == 0, rows << "x" << cols << ": basis on " << threads << " threads");
        }
    }
}

TEST(factorize, special_spectra)
{
    const int64_t n = 96;
    const auto make = [&](const std::string& kind) {
        std::vector<float> w(static_cast<size_t>(n * n), 0.0f);
        const auto a = normal_values(n, 1), b = normal_values(n, 2);
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < n; ++j)
            {
                float& value = w[static_cast<size_t>(i * n + j)];
                if (kind == "identity")
                    value = i == j;
                else if (kind == "rank one")
                    value = a[static_cast<size_t>(i)] * b[static_cast<size_t>(j)];
                else if (kind == "diagonal pairs")
                    value = i == j ? static_cast<float>(1 + i / 2) : 0.0f;
                else if (kind == "graded")
                    value = i == j ? std::pow(10.0f, -static_cast<float>(i) / 16) : 0.0f;
                else if (kind == "tridiagonal")
                    value = i == j ? 2.0f : (std::abs(i - j) == 1 ? -1.0f : 0.0f);
                else if (kind == "all equal")
                    value = 3.0f;
                else if (kind == "tiny")
                    value = 1e-30f * a[static_cast<size_t>(i)] + (i == j ? 1e-30f : 0.0f);
                else if (kind == "huge")
                    value = 1e30f * a[static_cast<size_t>(i)] + (i == j ? 1e30f : 0.0f);
            }
        return w;
    };
    for (const std::string kind : {"zero", "identity", "rank one", "diagonal pairs", "graded", "tridiagonal", "all equal", "tiny", "huge"})
    {
        const auto w = make(kind);
        const auto expected = singular_values(w, n, n);
        for_each_isa([&](const std::string&) {
            const Factors f = factorized(w, n, n, 2);
            for (size_t i = 0; i < expected.size(); ++i)
                CHECK(std::fabs(f.sigma[i] - expected[i]) <= 1e-11 * expected[i] + 1e-14 * expected[0],
                      kind << ": sigma[" << i << "] is " << f.sigma[i] << ", not " << expected[i]);
            check_properties(w, n, n, f, kind);
        });
    }
}

TEST(factorize, ties_and_clusters_inside_the_divide_and_conquer)
{
    const int64_t n = 96;
    for (const std::string kind : {"mirrored halves", "near identity", "three mirrored pieces"})
    {
        // mirrored: WᵀW is the Toeplitz tridiagonal (b, 1+b², b), whose halves have the same eigenvalues and do not deflate against each other by size.
        const int64_t rows = n + 1;
        std::vector<float> w(static_cast<size_t>(rows * n), 0.0f);
        const auto noise = normal_values(rows * n, 9, 1e-7);
        for (int64_t i = 0; i < n; ++i)
        {
            w[static_cast<size_t>(i * n + i)] = 1;
            if (kind == "mirrored halves")
                w[static_cast<size_t>((i + 1) * n + i)] = 0.5f;
            else if (kind == "three mirrored pieces")
                w[static_cast<size_t>((i + 1) * n + i)] = i % 32 == 31 ? 1e-4f : 0.75f;
        }
        if (kind == "near identity") // a spectrum 1e-6 wide: neighbours are 1e-10 apart
            for (size_t i = 0; i < w.size(); ++i)
                w[i] += noise[i];
        const auto expected = singular_values(w, rows, n);
        for_each_isa([&](const std::string&) {
            const Factors f = factorized(w, rows, n, 2);
            for (size_t i = 0; i < expected.size(); ++i)
                CHECK(std::fabs(f.sigma[i] - expected[i]) <= 1e-11 * expected[i] + 1e-14 * expected[0],
                      kind << ": sigma[" << i << "] is " << f.sigma[i] << ", not " << expected[i]);
            check_properties(w, rows, n, f, kind);
        });
    }
}

TEST(factorize, larger_matrix_with_threads)
{
    const int64_t rows = 900, cols = 800;
    auto w = normal_values(rows * cols, 77, 0.02);
    for (int64_t j = 0; j < cols; ++j)
        w[static_cast<size_t>(5 * cols + j)] *= 40; // a dominant direction, as trained weights have
    const Factors one = factorized(w, rows, cols, 1), four = factorized(w, rows, cols, 4);
    check_properties(w, rows, cols, one, "one thread");
    double squares = 0, norm = 0;
    for (size_t i = 0; i < one.sigma.size(); ++i)
    {
        CHECK(std::fabs(one.sigma[i] - four.sigma[i]) <= 1e-11 * one.sigma[i], "sigma[" << i << "] depends on the threads");
        squares += one.sigma[i] * one.sigma[i];
    }
    for (const float value : w)
        norm += static_cast<double>(value) * value;
    CHECK(std::fabs(squares - norm) <= 1e-11 * norm, "Σσ² is not ‖W‖²");
}

TEST(factorize, names_the_value_that_is_not_finite)
{
    auto w = normal_values(20, 1);
    w[13] = NAN;
    double sigma[4];
    float basis[16];
    CHECK(t2k_factorize(w.data(), 5, 4, sigma, basis, 1, nullptr) == T2K_NOT_FINITE, "no failure");
    CHECK(std::strstr(t2k_last_error(), "row 3, column 1") != nullptr, t2k_last_error());
}

TEST(factorize, stops_when_cancelled)
{
    const auto w = normal_values(300 * 300, 1);
    std::vector<double> sigma(300);
    std::vector<float> basis(300 * 300);
    const int32_t cancel = 1;
    CHECK(t2k_factorize(w.data(), 300, 300, sigma.data(), basis.data(), 2, &cancel) == T2K_CANCELLED, "not cancelled");
}
