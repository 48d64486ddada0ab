// Mixtures of prepared deltas against memcpy with the same threads: bytes read and written per second. Buffers are far larger than the caches.
#include "bench.h"
#include <cstring>
#include <thread>

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
    std::printf("\n## mix: W + Σ α·D over %ld×%ld, deltas in BF16\n%-6s %7s %9s %9s %11s %9s\n", static_cast<long>(rows), static_cast<long>(cols), "type", "deltas",
                "ms", "GB/s", "memcpy GB/s", "% memcpy");
    const auto raw = normal_values(count / 16, 1, 0.02f);
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i)
        values[i] = raw[i % raw.size()];
    for (const auto& [type, name] : std::vector<std::pair<int32_t, const char*>>{{0, "F32"}, {1, "F16"}, {30, "BF16"}, {8, "Q8_0"}, {2, "Q4_0"}, {14, "Q6_K"}, {12, "Q4_K"}})
    {
        if (!options.wants(name))
            continue;
        int32_t length = 0, bytes = 0;
        require(t2k_type_info(type, &length, &bytes));
        std::vector<uint8_t> w(static_cast<size_t>(count / length * bytes)), out(w.size());
        require(t2k_quantize(type, values.data(), rows, cols, w.data(), options.threads));
        for (const int deltas : {1, 3})
        {
            std::vector<std::vector<uint16_t>> delta(static_cast<size_t>(deltas), std::vector<uint16_t>(static_cast<size_t>(count)));
            std::vector<const void*> pointers;
            std::vector<float> alpha;
            for (auto& d : delta)
            {
                require(t2k_quantize(30, values.data(), rows, cols, d.data(), options.threads));
                pointers.push_back(d.data());
                alpha.push_back(0.01f);
            }
            const auto t = medians(options.repetitions, {[&] {
                                                             require(t2k_mix(w.data(), type, rows, cols, deltas, pointers.data(), 30, alpha.data(), out.data(),
                                                                             type, options.threads, nullptr));
                                                         },
                                                         copy});
            const double traffic = static_cast<double>(2 * w.size() + static_cast<size_t>(deltas) * static_cast<size_t>(count) * 2);
            const double rate = traffic / t[0] / 1e9, memcpy_rate = 2.0 * static_cast<double>(from.size()) / t[1] / 1e9;
            std::printf("%-6s %7d %9.2f %9.1f %11.1f %9.1f\n", name, deltas, t[0] * 1e3, rate, memcpy_rate, 100 * rate / memcpy_rate);
            std::fflush(stdout);
        }
    }
}
