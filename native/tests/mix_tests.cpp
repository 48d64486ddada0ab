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
                std::vector<uint8_t> first;
                for_each_isa([&, rows = rows, cols = cols](const std::string& isa) {
                    std::vector<float> result(static_cast<size_t>(count));
                    CHECK(t2k_mix(w.data(), type, rows, cols, 3, pointers.data(), delta_type, alpha.data(), result.data(), 0, 2, nullptr) == T2K_OK,
                          t2k_last_error());
                    for (size_t i = 0; i < result.size(); ++i)
                        CHECK(std::fabs(result[i] - sum[i]) <= 3e-7 * (std::fabs(sum[i]) + 0.1), "type " << type << ", value " << i);
                    // The destination's bytes are those of quantising that sum; K-quants' are those of a shorter search, the same everywhere.
                    std::vector<uint8_t> mixed(w.size()), expected(w.size());
                    CHECK(t2k_mix(w.data(), type, rows, cols, 3, pointers.data(), delta_type, alpha.data(), mixed.data(), type, 2, nullptr) == T2K_OK,
                          t2k_last_error());
                    CHECK(t2k_quantize(type, result.data(), rows, cols, expected.data(), 1) == T2K_OK, t2k_last_error());
                    if (block_length(type) != 256)
                        CHECK(mixed == expected, "type " << type);
                    if (first.empty())
                        first = mixed;
                    CHECK(mixed == first, "type " << type << " on " << isa);
                });
            }
        }
}

namespace
{
// W + α·D into W's own type, and the sum in fp32.
std::vector<uint8_t> mixed_with(int32_t type, const std::vector<float>& w, const std::vector<float>& delta, int64_t cols, std::vector<float>& sum)
{
    const auto rows = static_cast<int64_t>(w.size()) / cols;
    std::vector<uint8_t> source(static_cast<size_t>(byte_count(type, rows * cols))), out(source.size());
    sum.resize(w.size());
    CHECK(t2k_quantize(type, w.data(), rows, cols, source.data(), 1) == T2K_OK, t2k_last_error());
    const void* pointer = delta.data();
    const float alpha = 0.5f; // a power of two: the sum is the same with and without fused multiply-add
    CHECK(t2k_mix(source.data(), type, rows, cols, 1, &pointer, 0, &alpha, sum.data(), 0, 1, nullptr) == T2K_OK, t2k_last_error());
    CHECK(t2k_mix(source.data(), type, rows, cols, 1, &pointer, 0, &alpha, out.data(), type, 1, nullptr) == T2K_OK, t2k_last_error());
    return out;
}

double error_of(int32_t type, const std::vector<uint8_t>& bytes, const std::vector<float>& exact, int64_t cols)
{
    std::vector<float> values(exact.size());
    CHECK(t2k_dequantize(type, bytes.data(), static_cast<int64_t>(exact.size()) / cols, cols, values.data(), 1) == T2K_OK, t2k_last_error());
    double error = 0;
    for (size_t i = 0; i < exact.size(); ++i)
        error += (static_cast<double>(values[i]) - exact[i]) * (static_cast<double>(values[i]) - exact[i]);
    return std::sqrt(error);
}
}

TEST(mix, the_short_search_of_k_quants_loses_little)
{
    constexpr int64_t rows = 48, cols = 1280;
    for (const bool heavy : {false, true})
        for (const float size : {0.05f, 0.15f, 0.3f})
        {
            auto w = normal_values(rows * cols, 1, 0.02f);
            const auto delta = normal_values(rows * cols, 2, 0.04f * size), tail = normal_values(rows * cols, 3, 1);
            if (heavy)
                for (size_t i = 0; i < w.size(); ++i)
                    w[i] *= 0.25f + tail[i] * tail[i];
            for (const int32_t type : {10, 11, 12, 13, 14})
                for_each_isa([&](const std::string& isa) {
                    std::vector<float> sum;
                    const auto mixed = mixed_with(type, w, delta, cols, sum);
                    std::vector<uint8_t> searched(mixed.size());
                    CHECK(t2k_quantize(type, sum.data(), rows, cols, searched.data(), 1) == T2K_OK, t2k_last_error());
                    const double ratio = error_of(type, mixed, sum, cols) / error_of(type, searched, sum, cols);
                    CHECK(ratio <= (type == 10 ? 1.08 : 1.02), "type " << type << " on " << isa << ", delta " << size << ": " << ratio);
                });
        }
}

TEST(mix, odd_super_blocks_are_the_same_on_every_instruction_set)
{
    // One kind of oddity per super-block, ordinary ones between them: what falls back must not take its neighbours along on some instruction sets only.
    constexpr int64_t cols = 256 * 23;
    std::vector<float> w(static_cast<size_t>(cols)), delta = normal_values(cols, 5, 0.01f);
    const auto ordinary = normal_values(cols, 4, 0.05f);
    for (int64_t i = 0; i < cols; ++i)
    {
        const int64_t block = i / 256;
        w[static_cast<size_t>(i)] = ordinary[static_cast<size_t>(i)];
        const float odd[] = {0.0f, 1e-38f, 3e-31f, 1e-16f, 2.0f, 1e12f, 3e4f * static_cast<float>(i % 2), -0.0f, i % 32 < 16 ? 0.0f : 0.3f, i % 16 == 3 ? 5.0f : 0.0f, -1.0f};
        if (block % 2 != 0)
        {
            w[static_cast<size_t>(i)] = 0;
            delta[static_cast<size_t>(i)] = 2 * odd[block / 2];
        }
    }
    for (const int32_t type : {10, 11, 12, 13, 14})
    {
        std::vector<uint8_t> first;
        for_each_isa([&](const std::string& isa) {
            std::vector<float> sum;
            const auto mixed = mixed_with(type, w, delta, cols, sum);
            if (first.empty())
                first = mixed;
            CHECK(mixed == first, "type " << type << " on " << isa);
        });
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
    const auto raw = normal_values(512, 1);
    const void* delta = raw.data();
    const float zero = 0;
    for (const int32_t type : all_types())
    {
        std::vector<uint8_t> w(static_cast<size_t>(byte_count(type, 512)));
        CHECK(t2k_quantize(type, raw.data(), 2, 256, w.data(), 1) == T2K_OK, t2k_last_error());
        for (const int32_t count : {0, 1})
        {
            std::vector<uint8_t> out(w.size());
            CHECK(t2k_mix(w.data(), type, 2, 256, count, &delta, 0, &zero, out.data(), type, 1, nullptr) == T2K_OK, t2k_last_error());
            CHECK(out == w, "type " << type << " changed");
        }
    }
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
