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
    // Relative to quantising the same fp32 sum as ggml does: 1 for types without a search.
    const auto error_of = [](int32_t type, const std::vector<uint8_t>& bytes, int64_t some, int64_t width, const std::vector<float>& sum) {
        std::vector<float> back(sum.size());
        require(t2k_dequantize(type, bytes.data(), some, width, back.data(), 1));
        double error = 0;
        for (size_t i = 0; i < sum.size(); ++i)
            error += (static_cast<double>(back[i]) - sum[i]) * (static_cast<double>(back[i]) - sum[i]);
        return std::sqrt(error);
    };
    std::printf("\n## mix: W + Σ α·D over %ld×%ld, deltas in BF16, a tenth of W; error: of ggml's quantiser on the same sum\n%-13s %6s %8s %7s %11s %8s %7s\n",
                static_cast<long>(rows), static_cast<long>(cols), "type", "deltas", "ms", "GB/s", "memcpy GB/s", "% memcpy", "error");
    const auto raw = normal_values(count / 16, 1, 0.02f);
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i)
        values[i] = raw[i % raw.size()];
    const auto noise = normal_values(count / 64, 2, 0.002f);
    std::vector<float> change(static_cast<size_t>(count));
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
                for (size_t i = 0; i < change.size(); ++i)
                    change[i] = noise[(i + 4099 * pointers.size()) % noise.size()];
                require(t2k_quantize(30, change.data(), rows, cols, d.data(), options.threads));
                pointers.push_back(d.data());
                alpha.push_back(1.0f / std::sqrt(static_cast<float>(deltas)));
            }
            const auto t = medians(options.repetitions, {[&] {
                                                             require(t2k_mix(w.data(), pair.from, rows, cols, deltas, pointers.data(), 30, alpha.data(), out.data(),
                                                                             pair.to, options.threads, nullptr));
                                                         },
                                                         copy});
            constexpr int64_t some = 64;
            std::vector<float> sum(static_cast<size_t>(some * cols));
            std::vector<uint8_t> searched(static_cast<size_t>(some * cols / length * bytes));
            require(t2k_mix(w.data(), pair.from, some, cols, deltas, pointers.data(), 30, alpha.data(), sum.data(), 0, options.threads, nullptr));
            require(t2k_quantize(pair.to, sum.data(), some, cols, searched.data(), options.threads));
            const double error = error_of(pair.to, out, some, cols, sum), unit = error_of(pair.to, searched, some, cols, sum);
            const double traffic = static_cast<double>(w.size() + out.size() + static_cast<size_t>(deltas) * static_cast<size_t>(count) * 2);
            const double rate = traffic / t[0] / 1e9, memcpy_rate = 2.0 * static_cast<double>(from.size()) / t[1] / 1e9;
            std::printf("%-13s %6d %8.2f %7.1f %11.1f %8.1f %7.3f\n", pair.name, deltas, t[0] * 1e3, rate, memcpy_rate, 100 * rate / memcpy_rate,
                        unit > 0 ? error / unit : 1);
            std::fflush(stdout);
        }
    }
}
