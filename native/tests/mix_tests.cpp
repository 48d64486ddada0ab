// Mixtures against the sum in fp64.
#include "testing.h"
#include <algorithm>
#include <cstring>

TEST(mix, sums_deltas_onto_the_weight)
{
    for (const auto& [rows, cols] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {3, 5}, {7, 256}, {33, 512}, {5, 4096}, {70, 4352}})
        for (const int32_t type : all_types())
        {
            if (cols % block_length(type) != 0)
                continue;
            const int64_t count = rows * cols;
            const auto raw = normal_values(count, 3, 0.05);
            std::vector<uint8_t> w(static_cast<size_t>(byte_count(type, count)));
            std::vector<float> values(static_cast<size_t>(count));
            CHECK(t2k_quantize(type, raw.data(), rows, cols, w.data(), 1) == T2K_OK, t2k_last_error());
            CHECK(t2k_dequantize(type, w.data(), rows, cols, values.data(), 1) == T2K_OK, t2k_last_error());
            for (const int32_t delta_type : {0, 1, 30})
            {
                std::vector<std::vector<uint8_t>> deltas;
                std::vector<const void*> pointers;
                const std::vector<float> alpha{0.5f, 0.0f, -0.25f};
                std::vector<double> sum(values.begin(), values.end());
                for (size_t k = 0; k < alpha.size(); ++k)
                {
                    deltas.emplace_back(static_cast<size_t>(byte_count(delta_type, count)));
                    std::vector<float> back(static_cast<size_t>(count));
                    CHECK(t2k_quantize(delta_type, normal_values(count, 10 + k, 0.01).data(), rows, cols, deltas[k].data(), 1) == T2K_OK, t2k_last_error());
                    CHECK(t2k_dequantize(delta_type, deltas[k].data(), rows, cols, back.data(), 1) == T2K_OK, t2k_last_error());
                    for (size_t i = 0; i < sum.size(); ++i)
                        sum[i] += static_cast<double>(alpha[k]) * back[i];
                }
                for (const auto& delta : deltas)
                    pointers.push_back(delta.data());
                for_each_isa([&, rows = rows, cols = cols](const std::string&) {
                    std::vector<float> result(static_cast<size_t>(count));
                    CHECK(t2k_mix(w.data(), type, rows, cols, 3, pointers.data(), delta_type, alpha.data(), result.data(), 0, 2, nullptr) == T2K_OK,
                          t2k_last_error());
                    for (size_t i = 0; i < result.size(); ++i)
                        CHECK(std::fabs(result[i] - sum[i]) <= 3e-7 * (std::fabs(sum[i]) + 0.1), "type " << type << ", value " << i);
                    // The destination's bytes are those of quantising that sum.
                    std::vector<uint8_t> mixed(w.size()), expected(w.size());
                    CHECK(t2k_mix(w.data(), type, rows, cols, 3, pointers.data(), delta_type, alpha.data(), mixed.data(), type, 2, nullptr) == T2K_OK,
                          t2k_last_error());
                    CHECK(t2k_quantize(type, result.data(), rows, cols, expected.data(), 1) == T2K_OK, t2k_last_error());
                    CHECK(mixed == expected, "type " << type);
                });
            }
        }
}

TEST(mix, large_destinations_anywhere_in_memory)
{
    // Written past the caches; the same rows one at a time are not.
    const int64_t cols = 4352;
    for (const auto& [type, rows] : std::vector<std::pair<int32_t, int64_t>>{{0, 260}, {1, 500}, {8, 921}, {6, 1409}})
    {
        const int64_t count = rows * cols, row_bytes = byte_count(type, cols);
        const auto raw = normal_values(count, 3, 0.05);
        std::vector<uint8_t> w(static_cast<size_t>(rows * row_bytes)), delta(static_cast<size_t>(2 * count)), expected(w.size());
        CHECK(w.size() > size_t{4} << 20, "too small to be streamed");
        CHECK(t2k_quantize(type, raw.data(), rows, cols, w.data(), 4) == T2K_OK, t2k_last_error());
        CHECK(t2k_quantize(30, raw.data(), rows, cols, delta.data(), 4) == T2K_OK, t2k_last_error());
        const float alpha = 0.125f;
        for (int64_t row = 0; row < rows; ++row)
        {
            const void* part = delta.data() + 2 * row * cols;
            CHECK(t2k_mix(w.data() + row * row_bytes, type, 1, cols, 1, &part, 30, &alpha, expected.data() + row * row_bytes, type, 1, nullptr) == T2K_OK,
                  t2k_last_error());
        }
        const void* whole = delta.data();
        for_each_isa([&, type = type, rows = rows](const std::string& isa) {
            if (isa == "scalar")
                return; // multiplies and adds without FMA: other last bits
            for (const size_t offset : {0, 1, 62})
            {
                std::vector<uint8_t> out(expected.size() + 200, 0xA5);
                CHECK(t2k_mix(w.data(), type, rows, cols, 1, &whole, 30, &alpha, out.data() + offset, type, 4, nullptr) == T2K_OK, t2k_last_error());
                CHECK(std::memcmp(out.data() + offset, expected.data(), expected.size()) == 0, "type " << type << ", " << offset << " bytes off");
                CHECK(std::count(out.begin(), out.end(), uint8_t{0xA5}) - std::count(expected.begin(), expected.end(), uint8_t{0xA5}) == 200, "wrote beside it");
            }
        });
    }
}

TEST(mix, of_nothing_is_the_weight)
{
    const auto w = normal_values(64, 1);
    std::vector<float> out(64);
    CHECK(t2k_mix(w.data(), 0, 2, 32, 0, nullptr, 30, nullptr, out.data(), 0, 1, nullptr) == T2K_OK, t2k_last_error());
    CHECK(std::memcmp(out.data(), w.data(), sizeof(float) * 64) == 0, "changed");
}

TEST(mix, refuses_quantised_deltas)
{
    const auto w = normal_values(64, 1);
    std::vector<float> out(64);
    const void* delta = w.data();
    const float alpha = 1;
    CHECK(t2k_mix(w.data(), 0, 2, 32, 1, &delta, 8, &alpha, out.data(), 0, 1, nullptr) == T2K_UNSUPPORTED, "no failure");
    CHECK(std::strstr(t2k_last_error(), "type 8") != nullptr, t2k_last_error());
}
