// The loops of dense_kernels.h on vectors of kWide doubles (half of T2_LANES fp32 lanes), compiled once per instruction set with contraction to FMA.
// Sums run in several independent accumulators: the order differs between instruction sets, the error bound (n·2⁻⁵³·Σ|terms|) does not.
#pragma once
#include "../common/lanes.h"
#include "dense_kernels.h"
#include <cmath>

namespace t2k
{
namespace
{
constexpr int kWide = T2_LANES / 2;
using vd = double __attribute__((vector_size(8 * kWide)));
using vl = int64_t __attribute__((vector_size(8 * kWide)));

inline vd load(const double* p)
{
    vd v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

inline void store(double* p, vd v)
{
    std::memcpy(p, &v, sizeof v);
}

inline vd splat(double value) { return value - vd{}; }
inline vd magnitude(vd v) { return reinterpret_cast<vd>(reinterpret_cast<vl>(v) & INT64_MAX); }

inline double sum(vd v)
{
    double total = v[0];
    for (int i = 1; i < kWide; ++i)
        total += v[i];
    return total;
}

template <int Rows, int Vectors>
void tile_f64(int64_t depth, double alpha, const double* a, const double* b, double* c, int64_t ldc)
{
    vd acc[Rows][Vectors] = {};
    for (int64_t d = 0; d < depth; ++d, a += Rows, b += Vectors * kWide)
    {
        vd right[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            right[v] = load(b + v * kWide);
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
        {
            const vd left = splat(a[r]);
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v)
                acc[r][v] += left * right[v];
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            store(c + r * ldc + v * kWide, load(c + r * ldc + v * kWide) + alpha * acc[r][v]);
}

template <class T>
inline void pack_lanes(const T* x, int64_t lane_stride, int64_t depth_stride, int lanes, int valid, int64_t depth, double* out)
{
    if (lane_stride == 1)
    {
        for (int64_t d = 0; d < depth; ++d, x += depth_stride, out += lanes)
        {
            for (int lane = 0; lane < valid; ++lane)
                out[lane] = static_cast<double>(x[lane]);
            for (int lane = valid; lane < lanes; ++lane)
                out[lane] = 0;
        }
        return;
    }
    for (int lane = 0; lane < lanes; ++lane)
        for (int64_t d = 0; d < depth; ++d)
            out[d * lanes + lane] = lane < valid ? static_cast<double>(x[lane * lane_stride + d * depth_stride]) : 0.0;
}

void pack_f64(const double* x, int64_t lane_stride, int64_t depth_stride, int lanes, int valid, int64_t depth, double* out)
{
    pack_lanes(x, lane_stride, depth_stride, lanes, valid, depth, out);
}

void pack_f64_from_f32(const float* x, int64_t lane_stride, int64_t depth_stride, int lanes, int valid, int64_t depth, double* out)
{
    pack_lanes(x, lane_stride, depth_stride, lanes, valid, depth, out);
}

double dot(const double* x, const double* y, int64_t n)
{
    vd s0{}, s1{}, s2{}, s3{};
    int64_t i = 0;
    for (; i + 4 * kWide <= n; i += 4 * kWide)
    {
        s0 += load(x + i) * load(y + i);
        s1 += load(x + i + kWide) * load(y + i + kWide);
        s2 += load(x + i + 2 * kWide) * load(y + i + 2 * kWide);
        s3 += load(x + i + 3 * kWide) * load(y + i + 3 * kWide);
    }
    double total = sum((s0 + s1) + (s2 + s3));
    for (; i < n; ++i)
        total += x[i] * y[i];
    return total;
}

void axpy(double alpha, const double* x, double* y, int64_t n)
{
    int64_t i = 0;
    for (; i + kWide <= n; i += kWide)
        store(y + i, load(y + i) + alpha * load(x + i));
    for (; i < n; ++i)
        y[i] += alpha * x[i];
}

void rotate(double* x, double* y, double c, double s, int64_t n)
{
    int64_t i = 0;
    for (; i + kWide <= n; i += kWide)
    {
        const vd a = load(x + i), b = load(y + i);
        store(x + i, c * a + s * b);
        store(y + i, c * b - s * a);
    }
    for (; i < n; ++i)
    {
        const double a = x[i], b = y[i];
        x[i] = c * a + s * b;
        y[i] = c * b - s * a;
    }
}

// Four rows at a time: each element is loaded once and used twice (for its row's dot product and its column's update), y once per four rows.
void symmetric_rows(const double* a, int64_t ld, int64_t n, int64_t first, int64_t last, const double* x, double* y)
{
    int64_t i = first;
    for (; i + 4 <= last; i += 4)
    {
        const double* r0 = a + i * ld;
        const double* r1 = r0 + ld;
        const double* r2 = r1 + ld;
        const double* r3 = r2 + ld;
        const double x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
        // The 4×4 triangle at the diagonal.
        double d0 = r0[i] * x0 + r0[i + 1] * x1 + r0[i + 2] * x2 + r0[i + 3] * x3;
        double d1 = r0[i + 1] * x0 + r1[i + 1] * x1 + r1[i + 2] * x2 + r1[i + 3] * x3;
        double d2 = r0[i + 2] * x0 + r1[i + 2] * x1 + r2[i + 2] * x2 + r2[i + 3] * x3;
        double d3 = r0[i + 3] * x0 + r1[i + 3] * x1 + r2[i + 3] * x2 + r3[i + 3] * x3;
        vd s0{}, s1{}, s2{}, s3{};
        int64_t j = i + 4;
        for (; j + kWide <= n; j += kWide)
        {
            const vd v = load(x + j), a0 = load(r0 + j), a1 = load(r1 + j), a2 = load(r2 + j), a3 = load(r3 + j);
            s0 += a0 * v;
            s1 += a1 * v;
            s2 += a2 * v;
            s3 += a3 * v;
            store(y + j, load(y + j) + ((x0 * a0 + x1 * a1) + (x2 * a2 + x3 * a3)));
        }
        d0 += sum(s0);
        d1 += sum(s1);
        d2 += sum(s2);
        d3 += sum(s3);
        for (; j < n; ++j)
        {
            d0 += r0[j] * x[j];
            d1 += r1[j] * x[j];
            d2 += r2[j] * x[j];
            d3 += r3[j] * x[j];
            y[j] += x0 * r0[j] + x1 * r1[j] + x2 * r2[j] + x3 * r3[j];
        }
        y[i] += d0;
        y[i + 1] += d1;
        y[i + 2] += d2;
        y[i + 3] += d3;
    }
    for (; i < last; ++i)
    {
        const double* row = a + i * ld;
        y[i] += row[i] * x[i] + dot(row + i + 1, x + i + 1, n - i - 1);
        axpy(x[i], row + i + 1, y + i + 1, n - i - 1);
    }
}

inline void secular_part(const double* delta, const double* z, double eta, int64_t first, int64_t last, double& value, double& slope, double& size)
{
    vd f{}, g{}, h{};
    int64_t j = first;
    for (; j + kWide <= last; j += kWide)
    {
        const vd zj = load(z + j);
        const vd t = zj / (load(delta + j) - eta);
        f += zj * t;
        h += magnitude(zj * t);
        g += t * t;
    }
    value = sum(f);
    slope = sum(g);
    size += sum(h);
    for (; j < last; ++j)
    {
        const double t = z[j] / (delta[j] - eta);
        value += z[j] * t;
        size += std::fabs(z[j] * t);
        slope += t * t;
    }
}

SecularSums secular(const double* delta, const double* z, double eta, int64_t split, int64_t n)
{
    SecularSums sums{};
    secular_part(delta, z, eta, 0, split, sums.low, sums.low_slope, sums.magnitude);
    secular_part(delta, z, eta, split, n, sums.high, sums.high_slope, sums.magnitude);
    return sums;
}

void ratios(double* product, const double* row, const double* d, double pole, int64_t first, int64_t last)
{
    int64_t j = first;
    for (; j + kWide <= last; j += kWide)
        store(product + j, load(product + j) * (load(row + j) / (load(d + j) - pole)));
    for (; j < last; ++j)
        product[j] *= row[j] / (d[j] - pole);
}

double quotients(double* row, const double* z, int64_t n)
{
    vd squares{};
    int64_t j = 0;
    for (; j + kWide <= n; j += kWide)
    {
        const vd q = load(z + j) / load(row + j);
        store(row + j, q);
        squares += q * q;
    }
    double total = sum(squares);
    for (; j < n; ++j)
    {
        row[j] = z[j] / row[j];
        total += row[j] * row[j];
    }
    return total;
}

void to_f32(const double* x, double scale, float* y, int64_t n)
{
    for (int64_t i = 0; i < n; ++i)
        y[i] = static_cast<float>(x[i] * scale);
}

template <int Rows, int Vectors>
inline void fill(DenseKernels& kernels)
{
    kernels = {Rows, Vectors * kWide, tile_f64<Rows, Vectors>, pack_f64, pack_f64_from_f32, dot, axpy, rotate, symmetric_rows, secular, ratios,
               quotients, to_f32};
}
}
}
