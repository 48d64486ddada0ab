// Mixtures of prepared deltas against memcpy with the same threads: bytes read and written per second. Buffers are far larger than the caches. Errors as for
// rebuilds: that of quantising the exact (fp64) sum, relative to its norm, and ours over it.
#include "bench.h"
#include <cmath>
#include <cstring>
#include <thread>

namespace
{
struct Errors
{
    double quantised, ours;
};

// Of the first `rows` rows; the rest is made alike.
Errors errors_of(int32_t from, const void* w, const std::vector<const void*>& deltas, const std::vector<float>& alpha, int32_t to, const void* mixed, int64_t rows,
                 int64_t cols)
{
    const auto count = static_cast<size_t>(rows * cols);
    std::vector<float> values(count), rounded(count);
    require(t2k_dequantize(from, w, rows, cols, values.data(), 1));
    std::vector<double> exact(values.begin(), values.end());
    for (size_t k = 0; k < deltas.size(); ++k)
    {
        require(t2k_dequantize(30, deltas[k], rows, cols, values.data(), 1));
        for (size_t i = 0; i < count; ++i)
            exact[i] += static_cast<double>(alpha[k]) * static_cast<double>(values[i]);
    }
    rounded.assign(exact.begin(), exact.end());
    std::vector<uint8_t> bytes(count * 4);
    require(t2k_quantize(to, rounded.data(), rows, cols, bytes.data(), 1));
    require(t2k_dequantize(to, bytes.data(), rows, cols, rounded.data(), 1));
    require(t2k_dequantize(to, mixed, rows, cols, values.data(), 1));
    double norm = 0, least = 0, error = 0;
    for (size_t i = 0; i < count; ++i)
    {
        norm += exact[i] * exact[i];
        least += (rounded[i] - exact[i]) * (rounded[i] - exact[i]);
        error += (values[i] - exact[i]) * (values[i] - exact[i]);
    }
    return {std::sqrt(least / norm), std::sqrt(error / least)};
}
}

void bench_mix(const Options& options)
{
    const int64_t rows = 14336, cols = 4096, count = rows * cols;
    std::vector<uint8_t> from(static_cast<size_t>(count) * 4, 1), to(static_cast<size_t>(count) * 4);
    const auto copy = [&] {
        std::vector<std::thread> workers;
        for (int t = 0; t < options.threads; ++t)
            workers.emplace_back([&, t] {
                const size_t first = from.size() * static_cast<size_t>(t) / static_cast<size_t>(options.threads);
                const size_t last = from.size() * static_cast<size_t>(t + 1) / static_cast<size_t>(options.threads);
                std::memcpy(to.data() + first, from.data() + first, last - first);
            });
        for (auto& worker : workers)
            worker.join();
    };
    std::printf("\n## mix: W + Σ α·D over %ld×%ld, deltas in BF16\n%-13s %6s %8s %7s %11s %8s %9s %8s\n",
                static_cast<long>(rows), static_cast<long>(cols), "type", "deltas", "ms", "GB/s", "memcpy GB/s", "% memcpy", "q error", "ours/q");
    const auto raw = normal_values(count / 16, 1, 0.02f);
    // Every delta starts at another place: as a multiple of the weight it would be quantised almost without error.
    constexpr int64_t apart = 1021;
    std::vector<float> values(static_cast<size_t>(count + 3 * apart));
    for (size_t i = 0; i < values.size(); ++i)
        values[i] = raw[i % raw.size()];
    struct Pair
    {
        int32_t from, to;
        const char *type, *name;
    };
    for (const Pair& pair : std::vector<Pair>{{0, 0, "F32", "F32"}, {1, 1, "F16", "F16"}, {30, 30, "BF16", "BF16"}, {8, 8, "Q8_0", "Q8_0"}, {2, 2, "Q4_0", "Q4_0"},
                                              {3, 3, "Q4_1", "Q4_1"}, {6, 6, "Q5_0", "Q5_0"}, {7, 7, "Q5_1", "Q5_1"}, {10, 10, "Q2_K", "Q2_K"}, {11, 11, "Q3_K", "Q3_K"},
                                              {12, 12, "Q4_K", "Q4_K"}, {13, 13, "Q5_K", "Q5_K"}, {14, 14, "Q6_K", "Q6_K"}, {12, 8, "Q4_K", "Q4_K to Q8_0"},
                                              {12, 1, "Q4_K", "Q4_K to F16"}, {14, 8, "Q6_K", "Q6_K to Q8_0"}})
    {
        if (!options.wants(pair.type))
            continue;
        int32_t length = 0, bytes = 0;
        require(t2k_type_info(pair.from, &length, &bytes));
        std::vector<uint8_t> w(static_cast<size_t>(count / length * bytes));
        require(t2k_type_info(pair.to, &length, &bytes));
        std::vector<uint8_t> out(static_cast<size_t>(count / length * bytes));
        require(t2k_quantize(pair.from, values.data(), rows, cols, w.data(), options.threads));
        for (const int deltas : {1, 3})
        {
            std::vector<std::vector<uint16_t>> delta(static_cast<size_t>(deltas), std::vector<uint16_t>(static_cast<size_t>(count)));
            std::vector<const void*> pointers;
            std::vector<float> alpha;
            for (auto& d : delta)
            {
                require(t2k_quantize(30, values.data() + apart * static_cast<int64_t>(pointers.size() + 1), rows, cols, d.data(), options.threads));
                pointers.push_back(d.data());
                alpha.push_back(0.05f);
            }
            const auto t = medians(options.repetitions, {[&] {
                                                             require(t2k_mix(w.data(), pair.from, rows, cols, deltas, pointers.data(), 30, alpha.data(), out.data(),
                                                                             pair.to, options.threads, nullptr));
                                                         },
                                                         copy});
            const double traffic = static_cast<double>(w.size() + out.size() + static_cast<size_t>(deltas) * static_cast<size_t>(count) * 2);
            const double rate = traffic / t[0] / 1e9, memcpy_rate = 2.0 * static_cast<double>(from.size()) / t[1] / 1e9;
            const Errors errors = errors_of(pair.from, w.data(), pointers, alpha, pair.to, out.data(), 256, cols);
            std::printf("%-13s %6d %8.2f %7.1f %11.1f %8.1f %9.2e %8.4f\n", pair.name, deltas, t[0] * 1e3, rate, memcpy_rate, 100 * rate / memcpy_rate,
                        errors.quantised, errors.ours);
            std::fflush(stdout);
        }
    }
}
