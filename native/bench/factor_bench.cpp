// Factorise: every matrix of a layer, ours against LAPACK's sgesdd and against OpenBLAS's own dsyrk + dsyevd, each in its better arrangement:
// one matrix after another with all threads, or as many matrices at a time as there are threads. A layer is measured and multiplied by the layers.
#include "bench.h"
#include <atomic>
#include <thread>

namespace
{
struct Matrix
{
    int64_t rows, cols;
    std::vector<float> w;
    std::vector<double> sigma;
    std::vector<float> basis;
};

// Row-major W (rows×cols) is column-major Wᵀ (cols×rows): same singular values.
void sgesdd(const Matrix& matrix)
{
    const int m = static_cast<int>(matrix.cols), n = static_cast<int>(matrix.rows), r = std::min(m, n), query = -1;
    std::vector<float> a = matrix.w, s(static_cast<size_t>(r)), u(static_cast<size_t>(m) * r), vt(static_cast<size_t>(r) * n);
    std::vector<int> iwork(static_cast<size_t>(8 * r));
    float size = 0;
    int info = 0;
    openblas().sgesdd("S", &m, &n, a.data(), &m, s.data(), u.data(), &m, vt.data(), &r, &size, &query, iwork.data(), &info);
    const int lwork = static_cast<int>(size);
    std::vector<float> work(static_cast<size_t>(lwork));
    openblas().sgesdd("S", &m, &n, a.data(), &m, s.data(), u.data(), &m, vt.data(), &r, work.data(), &lwork, iwork.data(), &info);
    if (info != 0)
        throw std::runtime_error("sgesdd: info " + std::to_string(info));
}

void dsyevd(const Matrix& matrix)
{
    constexpr int row_major = 101, upper = 121, no_transpose = 111, transpose = 112;
    const bool right = matrix.cols <= matrix.rows;
    const int n = static_cast<int>(std::min(matrix.rows, matrix.cols)), k = static_cast<int>(std::max(matrix.rows, matrix.cols)), query = -1;
    const std::vector<double> a(matrix.w.begin(), matrix.w.end());
    std::vector<double> g(static_cast<size_t>(n) * n), values(static_cast<size_t>(n));
    openblas().dsyrk(row_major, upper, right ? transpose : no_transpose, n, k, 1, a.data(), static_cast<int>(matrix.cols), 0, g.data(), n);
    double size = 0;
    int isize = 0, info = 0;
    openblas().dsyevd("V", "L", &n, g.data(), &n, values.data(), &size, &query, &isize, &query, &info);
    const int lwork = static_cast<int>(size);
    std::vector<double> work(static_cast<size_t>(lwork));
    std::vector<int> iwork(static_cast<size_t>(isize));
    openblas().dsyevd("V", "L", &n, g.data(), &n, values.data(), work.data(), &lwork, iwork.data(), &isize, &info);
    if (info != 0)
        throw std::runtime_error("dsyevd: info " + std::to_string(info));
}

void ours(Matrix& matrix, int threads)
{
    require(t2k_factorize(matrix.w.data(), matrix.rows, matrix.cols, matrix.sigma.data(), matrix.basis.data(), threads, nullptr));
}

// Largest first, `workers` at a time.
void in_parallel(std::vector<Matrix*>& queue, int workers, const std::function<void(Matrix&)>& body)
{
    std::atomic<size_t> next{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < workers; ++t)
        threads.emplace_back([&] {
            for (size_t i; (i = next.fetch_add(1)) < queue.size();)
                body(*queue[i]);
        });
    for (auto& thread : threads)
        thread.join();
}

// Largest relative difference of σ to dgesdd's, and the effect of a z in [0.5, 1.5]: ‖W'(ours) − W'(fp64)‖/‖W'(fp64)‖ with W' = W + W·(V·diag(z − 1)·Vᵀ), all in
// fp64 but V, which is in fp32 as stored, in F16 and in BF16.
void report_error(const Matrix& matrix)
{
    constexpr int row_major = 101, no_transpose = 111, transpose = 112;
    const int m = static_cast<int>(matrix.cols), n = static_cast<int>(matrix.rows), r = std::min(m, n), query = -1;
    std::vector<double> a(matrix.w.begin(), matrix.w.end()), s(static_cast<size_t>(r)), u(static_cast<size_t>(m) * r), vt(static_cast<size_t>(r) * n);
    const std::vector<double> w = a;
    std::vector<int> iwork(static_cast<size_t>(8 * r));
    double size = 0;
    int info = 0;
    openblas().dgesdd("S", &m, &n, a.data(), &m, s.data(), u.data(), &m, vt.data(), &r, &size, &query, iwork.data(), &info);
    const int lwork = static_cast<int>(size);
    std::vector<double> work(static_cast<size_t>(lwork));
    openblas().dgesdd("S", &m, &n, a.data(), &m, s.data(), u.data(), &m, vt.data(), &r, work.data(), &lwork, iwork.data(), &info);
    double sigma_error = 0;
    for (int i = 0; i < r; ++i)
        sigma_error = std::max(sigma_error, std::fabs(matrix.sigma[static_cast<size_t>(i)] - s[static_cast<size_t>(i)]) / s[static_cast<size_t>(i)]);

    std::mt19937_64 engine(3);
    std::uniform_real_distribution<double> z_of(0.5, 1.5);
    std::vector<double> z(static_cast<size_t>(r));
    for (double& value : z)
        value = z_of(engine);
    std::vector<double> scaled = u, exact(w.size()), approximate;
    for (int i = 0; i < r; ++i)
        for (int j = 0; j < m; ++j)
            scaled[static_cast<size_t>(i) * m + j] *= s[static_cast<size_t>(i)] * z[static_cast<size_t>(i)];
    // In row-major eyes vt is n×r and u r×m.
    openblas().dgemm(row_major, no_transpose, no_transpose, n, m, r, 1, vt.data(), r, scaled.data(), m, 0, exact.data(), m);
    const bool right = matrix.cols <= matrix.rows;
    std::printf(" %10.1e", sigma_error);
    for (const int32_t type : {0, 1, 30})
    {
        std::vector<uint8_t> stored(4 * matrix.basis.size());
        std::vector<float> read(matrix.basis.size());
        require(t2k_quantize(type, matrix.basis.data(), r, r, stored.data(), 1));
        require(t2k_dequantize(type, stored.data(), r, r, read.data(), 1));
        std::vector<double> basis(read.begin(), read.end()), weighted = basis, core(static_cast<size_t>(r) * r);
        for (int i = 0; i < r; ++i)
            for (int j = 0; j < r; ++j)
                weighted[static_cast<size_t>(i) * r + j] *= z[static_cast<size_t>(i)] - 1;
        openblas().dgemm(row_major, transpose, no_transpose, r, r, r, 1, basis.data(), r, weighted.data(), r, 0, core.data(), r);
        approximate = w;
        if (right)
            openblas().dgemm(row_major, no_transpose, no_transpose, n, m, r, 1, w.data(), m, core.data(), r, 1, approximate.data(), m);
        else
            openblas().dgemm(row_major, no_transpose, no_transpose, n, m, r, 1, core.data(), r, w.data(), m, 1, approximate.data(), m);
        double difference = 0, norm = 0;
        for (size_t i = 0; i < exact.size(); ++i)
        {
            difference += (exact[i] - approximate[i]) * (exact[i] - approximate[i]);
            norm += exact[i] * exact[i];
        }
        std::printf(" %8.1e", std::sqrt(difference / norm));
    }
}
}

void bench_factor(const Options& options)
{
    const ModelShape& model = model_shape(options.model);
    const bool blas = openblas().sgesdd != nullptr;
    std::vector<Matrix> layer;
    unsigned seed = 1;
    for (const Shape& shape : model.shapes)
        for (int i = 0; i < shape.count; ++i)
        {
            const auto r = static_cast<size_t>(std::min(shape.rows, shape.cols));
            layer.push_back({shape.rows, shape.cols, trained_like(shape.rows, shape.cols, seed += 100), std::vector<double>(r), std::vector<float>(r * r)});
        }
    const int threads = options.threads, repetitions = std::min(options.repetitions, 5);

    std::printf("\n## factorise: one matrix at a time, %d threads\n%-9s %11s %9s %9s %9s %9s %9s %8s %8s", threads, "weight", "m×n", "ours 1t", "ours", "sgesdd",
                "syrk+evd", "GFLOP/s", "/sgesdd", "/evd");
    std::printf(" %11s %8s %8s %8s\n", "σ error", "z: fp32", "F16", "BF16");
    size_t at = 0;
    for (const Shape& shape : model.shapes)
    {
        Matrix& matrix = layer[at];
        at += static_cast<size_t>(shape.count);
        if (blas)
            openblas().set_threads(threads);
        const auto t = medians(repetitions, {[&] { ours(matrix, 1); }, [&] { ours(matrix, threads); }, [&] { if (blas) sgesdd(matrix); },
                                             [&] { if (blas) dsyevd(matrix); }});
        const double n = static_cast<double>(std::min(shape.rows, shape.cols)), l = static_cast<double>(std::max(shape.rows, shape.cols));
        std::printf("%-9s %5ldx%-5ld %9.4f %9.4f %9.4f %9.4f %9.1f %8.2f %8.2f", shape.name, static_cast<long>(shape.rows), static_cast<long>(shape.cols), t[0], t[1],
                    t[2], t[3], (l * n * n + 14.0 / 3 * n * n * n) / t[1] / 1e9, t[2] / t[1], t[3] / t[1]);
        if (blas && n * l < 2e7)
            report_error(matrix);
        std::printf("\n");
        std::fflush(stdout);
    }

    // The whole model: matrices of several layers in one queue, so that no worker idles at a layer's end.
    const int layers = std::max(1, threads);
    std::vector<Matrix*> queue;
    for (int i = 0; i < layers; ++i)
        for (Matrix& matrix : layer)
            queue.push_back(&matrix);
    std::stable_sort(queue.begin(), queue.end(), [](const Matrix* a, const Matrix* b) { return a->rows * a->cols > b->rows * b->cols; });
    // Results are discarded: concurrent workers may write the same ones.
    const auto discard = [](Matrix& matrix, const std::function<void(Matrix&)>& body) {
        Matrix own{matrix.rows, matrix.cols, matrix.w, std::vector<double>(matrix.sigma.size()), std::vector<float>(matrix.basis.size())};
        body(own);
    };
    const auto serial = [&](const std::function<void(Matrix&)>& body) {
        for (Matrix* matrix : queue)
            discard(*matrix, body);
    };
    const auto parallel = [&](const std::function<void(Matrix&)>& body) { in_parallel(queue, threads, [&](Matrix& matrix) { discard(matrix, body); }); };
    std::vector<std::function<void()>> bodies{[&] { parallel([](Matrix& m) { ours(m, 1); }); }, [&] { serial([&](Matrix& m) { ours(m, threads); }); }};
    if (blas)
    {
        bodies.push_back([&] { openblas().set_threads(threads); serial([](Matrix& m) { sgesdd(m); }); });
        bodies.push_back([&] { openblas().set_threads(1); parallel([](Matrix& m) { sgesdd(m); }); });
        bodies.push_back([&] { openblas().set_threads(threads); serial([](Matrix& m) { dsyevd(m); }); });
        bodies.push_back([&] { openblas().set_threads(1); parallel([](Matrix& m) { dsyevd(m); }); });
    }
    auto t = medians(std::min(repetitions, 3), bodies);
    for (double& time : t)
        time *= static_cast<double>(model.layers) / layers;
    std::printf("\n## factorise: all %zu matrices, seconds (%d layers measured, scaled)\n", layer.size() * static_cast<size_t>(model.layers), layers);
    std::printf("ours, %d matrices at a time     %8.2f\nours, %d threads each           %8.2f\n", threads, t[0], threads, t[1]);
    if (!blas)
        return;
    std::printf("sgesdd, %d threads each         %8.2f\nsgesdd, %d matrices at a time   %8.2f\n", threads, t[2], threads, t[3]);
    std::printf("syrk+syevd, %d threads each     %8.2f\nsyrk+syevd, %d at a time        %8.2f\n", threads, t[4], threads, t[5]);
    const double best = std::min(t[0], t[1]);
    std::printf("ours is %.2f times as fast as sgesdd at its best (%.2f at %d threads each), %.2f times as fast as OpenBLAS's dsyrk + dsyevd at its best\n",
                std::min(t[2], t[3]) / best, t[2] / best, threads, std::min(t[4], t[5]) / best);
}
