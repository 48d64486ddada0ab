// Both sides of every comparison in one run: medians, ratios, and the error beside the speed. Losses are printed like wins.
#pragma once
#include "t2kernels.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct Options
{
    int threads = 4;
    int repetitions = 7;
    std::string model = "qwen2.5-0.5b";
    std::vector<std::string> types; // of rebuilds and mixtures; empty: all
    std::vector<double> spreads = {0.05}; // standard deviations of z about 1, of rebuilds
    int32_t arithmetic = T2K_AUTO;        // of rebuilds

    bool wants(const char* type) const { return types.empty() || std::find(types.begin(), types.end(), type) != types.end(); }
};

struct Shape
{
    const char* name;
    int64_t rows, cols;
    int count; // matrices of this shape per layer
};

// A layer's seven matrices.
struct ModelShape
{
    std::string name;
    int layers;
    std::vector<Shape> shapes;
};

const ModelShape& model_shape(const std::string& name);

// Libraries found at run time; null functions where a library is absent.
struct OpenBlas
{
    std::string path;
    void (*set_threads)(int) = nullptr;
    void (*sgemm)(int order, int ta, int tb, int m, int n, int k, float alpha, const float* a, int lda, const float* b, int ldb, float beta, float* c,
                  int ldc) = nullptr;
    void (*dgemm)(int order, int ta, int tb, int m, int n, int k, double alpha, const double* a, int lda, const double* b, int ldb, double beta,
                  double* c, int ldc) = nullptr;
    void (*dsyrk)(int order, int uplo, int trans, int n, int k, double alpha, const double* a, int lda, double beta, double* c, int ldc) = nullptr;
    void (*sgesdd)(const char* jobz, const int* m, const int* n, float* a, const int* lda, float* s, float* u, const int* ldu, float* vt,
                   const int* ldvt, float* work, const int* lwork, int* iwork, int* info) = nullptr;
    void (*dgesdd)(const char* jobz, const int* m, const int* n, double* a, const int* lda, double* s, double* u, const int* ldu, double* vt,
                   const int* ldvt, double* work, const int* lwork, int* iwork, int* info) = nullptr;
    void (*dsyevd)(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work, const int* lwork, int* iwork,
                   const int* liwork, int* info) = nullptr;
};

using GgmlQuantize = size_t (*)(int type, const float* src, void* dst, int64_t start, int64_t nrows, int64_t n_per_row, const float* imatrix);

const OpenBlas& openblas();
GgmlQuantize ggml_quantize();

// Multiplications per second (in 1e9 flops, 2 per multiply-add) of one thread's registers: fp32 FMA, 16-bit and 8-bit dot products (0 where there are none).
struct Peak
{
    double fp32, dot16, dot8;
};
Peak measure_peak();

void bench_factor(const Options& options);
void bench_rebuild(const Options& options, const std::vector<std::string>& isas);
void bench_mix(const Options& options);

inline double seconds(const std::function<void()>& body)
{
    const auto start = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    const size_t n = values.size();
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// Medians of several bodies, run in turn so that a noisy moment hits all of them.
inline std::vector<double> medians(int repetitions, const std::vector<std::function<void()>>& bodies)
{
    std::vector<std::vector<double>> times(bodies.size());
    for (int r = 0; r <= repetitions; ++r)
        for (size_t b = 0; b < bodies.size(); ++b)
        {
            // OpenBLAS's threads spin for 2²⁶ cycles after their last work; whoever comes next must not pay for that.
            std::this_thread::sleep_for(std::chrono::milliseconds(60));
            // Untimed: wakes everybody's threads, so that what is compared is the work.
            bodies[b]();
            const double t = seconds(bodies[b]);
            if (r > 0) // the first round warms caches and page tables
                times[b].push_back(t);
        }
    std::vector<double> result;
    for (auto& t : times)
        result.push_back(median(t));
    return result;
}

inline void require(int32_t status)
{
    if (status != T2K_OK)
        throw std::runtime_error(t2k_last_error());
}

inline std::vector<float> normal_values(int64_t count, unsigned seed, float scale)
{
    std::mt19937_64 engine(seed);
    std::normal_distribution<float> normal(0, scale);
    std::vector<float> values(static_cast<size_t>(count));
    for (float& v : values)
        v = normal(engine);
    return values;
}

// A weight with a spectrum like a trained one's: noise, a few strong directions, and some uneven columns.
std::vector<float> trained_like(int64_t rows, int64_t cols, unsigned seed);
