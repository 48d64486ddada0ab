// Rebuild, end to end: bytes of W to bytes of W'. Baseline: OpenBLAS sgemm of (U·diag(σz))·Vᵀ with U, σ, Vᵀ in memory, then ggml_quantize_chunk, its rows
// shared among the same number of threads. Errors are relative to quantising the exact (fp64) result, whose own error is the unit: 1.00 is perfect.
#include "bench.h"
#include <thread>

namespace
{
constexpr int kRowMajor = 101, kNoTranspose = 111, kTranspose = 112;

struct Type
{
    int32_t id;
    const char* name;
};

constexpr Type kTypes[] = {{0, "F32"},  {1, "F16"},   {30, "BF16"}, {8, "Q8_0"},  {2, "Q4_0"},  {3, "Q4_1"}, {6, "Q5_0"},
                           {7, "Q5_1"}, {10, "Q2_K"}, {11, "Q3_K"}, {12, "Q4_K"}, {13, "Q5_K"}, {14, "Q6_K"}};

// W in fp32 with its full fp32 SVD, from our factors: what the baseline keeps in memory.
struct Prepared
{
    int64_t rows, cols, r;
    std::vector<float> w, basis, u, vt, z;
    std::vector<double> sigma;
};

Prepared prepare(int64_t rows, int64_t cols, const std::vector<float>& w, double spread, int threads)
{
    Prepared p{rows, cols, std::min(rows, cols), w, {}, {}, {}, {}, {}};
    const auto r = static_cast<size_t>(p.r);
    p.sigma.resize(r);
    p.basis.resize(r * r);
    require(t2k_factorize(w.data(), rows, cols, p.sigma.data(), p.basis.data(), threads, nullptr));
    const int m = static_cast<int>(rows), n = static_cast<int>(cols), k = static_cast<int>(p.r);
    p.u.resize(static_cast<size_t>(rows) * r);
    p.vt.resize(static_cast<size_t>(cols) * r);
    if (openblas().sgemm != nullptr)
    {
        if (cols <= rows) // U = W·V·diag(1/σ)
        {
            p.vt = p.basis;
            openblas().sgemm(kRowMajor, kNoTranspose, kTranspose, m, k, n, 1, w.data(), n, p.basis.data(), n, 0, p.u.data(), k);
            for (int64_t i = 0; i < rows; ++i)
                for (size_t j = 0; j < r; ++j)
                    p.u[static_cast<size_t>(i) * r + j] /= static_cast<float>(p.sigma[j]);
        }
        else // Vᵀ = diag(1/σ)·Uᵀ·W
        {
            for (size_t i = 0; i < r; ++i)
                for (size_t j = 0; j < r; ++j)
                    p.u[j * r + i] = p.basis[i * r + j];
            openblas().sgemm(kRowMajor, kNoTranspose, kNoTranspose, k, n, m, 1, p.basis.data(), k, w.data(), n, 0, p.vt.data(), n);
            for (size_t i = 0; i < r; ++i)
                for (int64_t j = 0; j < cols; ++j)
                    p.vt[i * static_cast<size_t>(cols) + static_cast<size_t>(j)] /= static_cast<float>(p.sigma[i]);
        }
    }
    p.z = normal_values(p.r, 99, static_cast<float>(spread));
    for (float& value : p.z)
        value += 1;
    return p;
}

// The same path as a user of OpenBLAS and ggml would write it; buffers are reused between calls.
struct Baseline
{
    std::vector<float> scaled, product;

    void run(const Prepared& p, int32_t type, void* dst, int threads)
    {
        const int m = static_cast<int>(p.rows), n = static_cast<int>(p.cols), k = static_cast<int>(p.r);
        // diag(σz) goes onto the smaller of the two factors.
        const bool on_u = p.rows < p.cols;
        scaled = on_u ? p.u : p.vt;
        product.resize(p.w.size());
        for (int64_t i = 0; i < (on_u ? p.rows : p.r); ++i)
            for (int64_t j = 0; j < (on_u ? p.r : p.cols); ++j)
            {
                const auto s = static_cast<size_t>(on_u ? j : i);
                scaled[static_cast<size_t>(i * (on_u ? p.r : p.cols) + j)] *= static_cast<float>(p.sigma[s]) * p.z[s];
            }
        openblas().sgemm(kRowMajor, kNoTranspose, kNoTranspose, m, n, k, 1, on_u ? scaled.data() : p.u.data(), k, on_u ? p.vt.data() : scaled.data(), n, 0,
                         product.data(), n);
        std::vector<std::thread> workers;
        for (int t = 0; t < threads; ++t)
            workers.emplace_back([&, t] {
                const int64_t first = p.rows * t / threads, last = p.rows * (t + 1) / threads;
                if (last > first)
                    ggml_quantize()(type, product.data(), dst, first * p.cols, last - first, p.cols, nullptr);
            });
        for (auto& worker : workers)
            worker.join();
    }
};

std::vector<double> exact_result(const Prepared& p)
{
    const auto r = static_cast<size_t>(p.r);
    const int m = static_cast<int>(p.rows), n = static_cast<int>(p.cols), k = static_cast<int>(p.r);
    std::vector<double> basis(p.basis.begin(), p.basis.end()), weighted = basis, core(r * r), w(p.w.begin(), p.w.end()), out = w;
    for (size_t i = 0; i < r; ++i)
        for (size_t j = 0; j < r; ++j)
            weighted[i * r + j] *= static_cast<double>(p.z[i]) - 1;
    openblas().dgemm(kRowMajor, kTranspose, kNoTranspose, k, k, k, 1, basis.data(), k, weighted.data(), k, 0, core.data(), k);
    if (p.cols <= p.rows)
        openblas().dgemm(kRowMajor, kNoTranspose, kNoTranspose, m, n, k, 1, w.data(), n, core.data(), k, 1, out.data(), n);
    else
        openblas().dgemm(kRowMajor, kNoTranspose, kNoTranspose, m, n, k, 1, core.data(), k, w.data(), n, 1, out.data(), n);
    return out;
}

double error_of(int32_t type, const std::vector<uint8_t>& bytes, const Prepared& p, const std::vector<double>& exact)
{
    std::vector<float> values(exact.size());
    require(t2k_dequantize(type, bytes.data(), p.rows, p.cols, values.data(), 4));
    double error = 0, norm = 0;
    for (size_t i = 0; i < exact.size(); ++i)
    {
        error += (values[i] - exact[i]) * (values[i] - exact[i]);
        norm += exact[i] * exact[i];
    }
    return std::sqrt(error / norm);
}

void bench_spread(const Options& options, const std::string& isa, double spread)
{
    const ModelShape& model = model_shape(options.model);
    const bool both = openblas().sgemm != nullptr && ggml_quantize() != nullptr;
    const Peak peak = measure_peak();
    std::printf("\n## rebuild on %s, z = 1 ± %.2f; registers reach %.0f GFLOP/s fp32, %.0f in 16-bit and %.0f in 8-bit dot products per core\n",
                isa.c_str(), spread, peak.fp32, peak.dot16, peak.dot8);
    std::printf("%-6s %-8s %11s %9s %9s %7s %9s %7s %7s %9s %8s %8s\n", "type", "weight", "m×n", "ours ms", "base ms", "ratio", "GFLOP/s", "% fp32", "% best", "q error",
                "ours/q", "base/q");
    for (const Type& type : kTypes)
    {
        if (!options.wants(type.name))
            continue;
        int32_t length = 0, bytes = 0;
        require(t2k_type_info(type.id, &length, &bytes));
        double total_ours = 0, total_base = 0;
        int skipped = 0;
        for (const Shape& shape : model.shapes)
        {
            if (shape.cols % length != 0)
            {
                ++skipped;
                continue;
            }
            // The weight both sides start from is what the file holds: values already rounded to the type.
            const int64_t count = shape.rows * shape.cols;
            const auto raw = trained_like(shape.rows, shape.cols, 7);
            std::vector<uint8_t> source(static_cast<size_t>(count / length * bytes)), target(source.size()), base(source.size());
            std::vector<float> w(static_cast<size_t>(count));
            require(t2k_quantize(type.id, raw.data(), shape.rows, shape.cols, source.data(), options.threads));
            require(t2k_dequantize(type.id, source.data(), shape.rows, shape.cols, w.data(), options.threads));
            if (both)
                openblas().set_threads(options.threads);
            const Prepared p = prepare(shape.rows, shape.cols, w, spread, options.threads);
            Baseline baseline;
            const auto ours = [&] {
                require(t2k_rebuild(source.data(), type.id, shape.rows, shape.cols, p.basis.data(), p.z.data(), target.data(), type.id, options.arithmetic,
                                    options.threads, nullptr));
            };
            std::vector<std::function<void()>> bodies{ours};
            if (both)
                bodies.push_back([&] { baseline.run(p, type.id, base.data(), options.threads); });
            const auto t = medians(options.repetitions, bodies);
            const double flops = 2.0 * static_cast<double>(count) * static_cast<double>(p.r);
            std::printf("%-6s %-8s %5ldx%-5ld %9.3f", type.name, shape.name, static_cast<long>(shape.rows), static_cast<long>(shape.cols), t[0] * 1e3);
            if (!both)
            {
                std::printf("\n");
                continue;
            }
            const double rate = flops / t[0] / 1e9, best_peak = std::max({peak.dot8, peak.dot16, peak.fp32});
            const auto percent = [&](double one) { return one > 0 ? 100 * rate / (one * options.threads) : 0; };
            std::printf(" %9.3f %7.2f %9.1f %7.1f %7.1f", t[1] * 1e3, t[1] / t[0], rate, percent(peak.fp32), percent(best_peak));
            total_ours += t[0] * shape.count;
            total_base += t[1] * shape.count;
            const auto exact = exact_result(p);
            const std::vector<float> rounded(exact.begin(), exact.end());
            std::vector<uint8_t> best(source.size());
            require(t2k_quantize(type.id, rounded.data(), shape.rows, shape.cols, best.data(), options.threads));
            const double unit = error_of(type.id, best, p, exact);
            std::printf(" %9.2e %8.4f %8.4f\n", unit, error_of(type.id, target, p, exact) / unit, error_of(type.id, base, p, exact) / unit);
            std::fflush(stdout);
        }
        if (total_ours > 0)
            std::printf("%-6s all of a layer%s: ours %.2f ms, baseline %.2f ms, ratio %.2f\n", type.name, skipped > 0 ? " that can be of this type" : "",
                        total_ours * 1e3, total_base * 1e3, total_base / total_ours);
    }
}
}

void bench_rebuild(const Options& options, const std::vector<std::string>& isas)
{
    for (const std::string& isa : isas)
    {
        require(t2k_set_isa(isa.c_str()));
        for (const double spread : options.spreads)
            bench_spread(options, isa, spread);
    }
    require(t2k_set_isa(nullptr));
}
