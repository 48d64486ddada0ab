// The fp64 vector loops of the factorisation, one set per instruction set.
#pragma once
#include <cstdint>

namespace t2k
{
// f(λ) = 1/ρ + Σ zⱼ²/(δⱼ − η) split at a pole: sums over j < split and j ≥ split, with their derivatives.
struct SecularSums
{
    double low, low_slope;
    double high, high_slope;
    double magnitude; // Σ |zⱼ²/(δⱼ − η)|, for the stopping test
};

struct DenseKernels
{
    int mr = 0, nr = 0; // tile of the fp64 product

    // c (mr×nr, ldc apart) += alpha·a·b over packed a[depth][mr], b[depth][nr].
    void (*tile)(int64_t depth, double alpha, const double* a, const double* b, double* c, int64_t ldc) = nullptr;

    // out[depth][lanes] from x[lane·lane_stride + depth·depth_stride], lanes beyond `valid` zero.
    void (*pack)(const double* x, int64_t lane_stride, int64_t depth_stride, int lanes, int valid, int64_t depth, double* out) = nullptr;
    void (*pack_from_f32)(const float* x, int64_t lane_stride, int64_t depth_stride, int lanes, int valid, int64_t depth, double* out) = nullptr;

    double (*dot)(const double* x, const double* y, int64_t n) = nullptr;
    void (*axpy)(double alpha, const double* x, double* y, int64_t n) = nullptr; // y += alpha·x
    void (*rotate)(double* x, double* y, double c, double s, int64_t n) = nullptr; // (x, y) ← (c·x + s·y, c·y − s·x)

    // y += A·x over rows first..last of a symmetric matrix of which row i holds columns i..n−1 (row-major, leading dimension ld).
    void (*symmetric_rows)(const double* a, int64_t ld, int64_t n, int64_t first, int64_t last, const double* x, double* y) = nullptr;

    SecularSums (*secular)(const double* delta, const double* z, double eta, int64_t split, int64_t n) = nullptr;
    void (*ratios)(double* product, const double* row, const double* d, double pole, int64_t first, int64_t last) = nullptr; // product[j] *= row[j]/(d[j] − pole)
    double (*quotients)(double* row, const double* z, int64_t n) = nullptr; // row[j] = z[j]/row[j]; returns Σ row[j]²
    void (*to_f32)(const double* x, double scale, float* y, int64_t n) = nullptr;
};
}
