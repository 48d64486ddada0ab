// The quantisers' bytes against ggml's own, against the scalar form, and the dequantised values against ggml's.
#include "testing.h"
#include <cfloat>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

namespace
{
struct Ggml
{
    size_t (*quantize)(int type, const float* src, void* dst, int64_t start, int64_t nrows, int64_t n_per_row, const float* imatrix);
    std::vector<std::pair<int32_t, void (*)(const void* x, float* y, int64_t k)>> dequantize;

    static const Ggml& load()
    {
        static const Ggml ggml = [] {
            const char* path = std::getenv("T2_GGML_BASE");
            void* library = dlopen(path != nullptr ? path : T2_GGML_BASE, RTLD_NOW | RTLD_LOCAL);
            if (library == nullptr)
                throw Skip("libggml-base.so is not there; run `npm ci` in native/llama, or set T2_GGML_BASE");
            Ggml loaded{};
            loaded.quantize = reinterpret_cast<decltype(loaded.quantize)>(dlsym(library, "ggml_quantize_chunk"));
            CHECK(loaded.quantize != nullptr, "ggml_quantize_chunk is missing");
            const std::vector<std::pair<int32_t, const char*>> names{{1, "ggml_fp16_to_fp32_row"}, {30, "ggml_bf16_to_fp32_row"}, {2, "dequantize_row_q4_0"},
                                                                     {3, "dequantize_row_q4_1"},   {6, "dequantize_row_q5_0"},    {7, "dequantize_row_q5_1"},
                                                                     {8, "dequantize_row_q8_0"},   {10, "dequantize_row_q2_K"},   {11, "dequantize_row_q3_K"},
                                                                     {12, "dequantize_row_q4_K"},  {13, "dequantize_row_q5_K"},   {14, "dequantize_row_q6_K"}};
            for (const auto& [type, name] : names)
            {
                const auto function = reinterpret_cast<void (*)(const void*, float*, int64_t)>(dlsym(library, name));
                CHECK(function != nullptr, name << " is missing");
                loaded.dequantize.emplace_back(type, function);
            }
            return loaded;
        }();
        return ggml;
    }
};

struct Sample
{
    std::string name;
    std::vector<float> values; // a whole number of super-blocks
};

std::vector<Sample> samples()
{
    std::vector<Sample> all;
    const auto add = [&all](const char* name, int64_t supers, auto value) {
        std::vector<float> values(static_cast<size_t>(256 * supers));
        for (size_t i = 0; i < values.size(); ++i)
            values[i] = static_cast<float>(value(static_cast<int64_t>(i)));
        all.push_back({name, std::move(values)});
    };
    Random random(7);
    add("normal", 300, [&](int64_t) { return random.normal() * 0.02; });
    add("uniform", 33, [&](int64_t) { return random.uniform(-1, 1); });
    add("positive", 33, [&](int64_t) { return random.uniform(0.1, 1); });
    add("negative", 33, [&](int64_t) { return -random.uniform(0.1, 1); });
    add("outliers", 65, [&](int64_t) { return random.normal() * (random.uniform() < 0.01 ? 100.0 : 0.01); });
    add("heavy tails", 65, [&](int64_t) { return std::exp(4 * random.normal()) * (random.uniform() < 0.5 ? -1 : 1); });
    add("few levels", 33, [&](int64_t) { return static_cast<double>(static_cast<int>(random.uniform(-3, 3))); });
    add("halves", 17, [&](int64_t) { return static_cast<double>(static_cast<int>(random.uniform(-40, 40))) / 2; });
    add("zeros", 3, [](int64_t) { return 0.0; });
    add("signed zeros", 3, [&](int64_t) { return random.uniform() < 0.5 ? -0.0 : 0.0; });
    add("constant", 3, [](int64_t) { return 0.75; });
    add("negative constant", 3, [](int64_t) { return -0.75; });
    add("plus and minus", 3, [&](int64_t) { return random.uniform() < 0.5 ? -1.5 : 1.5; });
    add("some zero blocks", 33, [&](int64_t i) { return i / 16 % 3 == 0 ? 0.0 : random.normal(); });
    add("blocks of all sizes", 65, [&](int64_t i) { return random.normal() * std::pow(10.0, static_cast<double>(i / 16 % 12) - 8); });
    add("offset blocks", 33, [&](int64_t i) { return (i / 32 % 2 == 0 ? -1000.0 : 0.0) + 1e-3 * random.normal(); });
    add("tiny", 17, [&](int64_t) { return random.normal() * 1e-20; });
    add("below fp16", 17, [&](int64_t) { return random.normal() * 1e-9; });
    add("large", 17, [&](int64_t) { return random.normal() * 1e4; });
    add("one value", 17, [](int64_t i) { return i % 256 == 37 ? 3.0 : 0.0; });
    return all;
}

std::vector<uint8_t> quantized(int32_t type, const std::vector<float>& values, int64_t rows)
{
    const int64_t count = static_cast<int64_t>(values.size());
    std::vector<uint8_t> bytes(static_cast<size_t>(byte_count(type, count)));
    CHECK(t2k_quantize(type, values.data(), rows, count / rows, bytes.data(), 2) == T2K_OK, t2k_last_error());
    return bytes;
}

size_t first_difference(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b)
{
    size_t i = 0;
    while (i < a.size() && a[i] == b[i])
        ++i;
    return i;
}
}

TEST(quantize, bytes_are_those_of_ggml)
{
    const Ggml& ggml = Ggml::load();
    for_each_isa([&](const std::string&) {
        for (const Sample& sample : samples())
            for (const int32_t type : all_types())
            {
                const auto count = static_cast<int64_t>(sample.values.size());
                std::vector<uint8_t> expected(static_cast<size_t>(byte_count(type, count)));
                ggml.quantize(type, sample.values.data(), expected.data(), 0, 1, count, nullptr);
                const auto actual = quantized(type, sample.values, 1);
                const size_t at = first_difference(expected, actual);
                CHECK(at == expected.size(), "type " << type << ", " << sample.name << ": byte " << at << " of " << expected.size() << " differs");
            }
    });
}

TEST(quantize, dequantized_values_are_those_of_ggml)
{
    const Ggml& ggml = Ggml::load();
    for_each_isa([&](const std::string&) {
        for (const auto& [type, dequantize] : ggml.dequantize)
        {
            // Any bytes: every level, every scale, every sign, NaN and infinity among the scales.
            const int64_t count = 256 * 64, bytes = byte_count(type, count);
            Random random(13);
            std::vector<uint8_t> blocks(static_cast<size_t>(bytes));
            for (uint8_t& b : blocks)
                b = static_cast<uint8_t>(random.next() >> 32);
            std::vector<float> expected(static_cast<size_t>(count)), actual(expected.size());
            dequantize(blocks.data(), expected.data(), count);
            CHECK(t2k_dequantize(type, blocks.data(), 4, count / 4, actual.data(), 2) == T2K_OK, t2k_last_error());
            for (size_t i = 0; i < expected.size(); ++i)
                CHECK(expected[i] == actual[i] || (std::isnan(expected[i]) && std::isnan(actual[i])),
                      "type " << type << ", value " << i << " is " << actual[i] << ", not " << expected[i]);
        }
    });
}

TEST(quantize, every_isa_gives_the_scalar_bytes)
{
    const auto inputs = samples();
    CHECK(t2k_set_isa("scalar") == T2K_OK, t2k_last_error());
    std::vector<std::vector<uint8_t>> expected;
    std::vector<std::vector<float>> values;
    for (const Sample& sample : inputs)
        for (const int32_t type : all_types())
        {
            expected.push_back(quantized(type, sample.values, 1));
            values.emplace_back(sample.values.size());
            CHECK(t2k_dequantize(type, expected.back().data(), 1, static_cast<int64_t>(sample.values.size()), values.back().data(), 1) == T2K_OK,
                  t2k_last_error());
        }
    for_each_isa([&](const std::string&) {
        size_t next = 0;
        for (const Sample& sample : inputs)
            for (const int32_t type : all_types())
            {
                const auto& bytes = expected[next];
                CHECK(quantized(type, sample.values, 1) == bytes, "type " << type << ", " << sample.name);
                std::vector<float> back(sample.values.size());
                CHECK(t2k_dequantize(type, bytes.data(), 1, static_cast<int64_t>(back.size()), back.data(), 1) == T2K_OK, t2k_last_error());
                CHECK(std::memcmp(back.data(), values[next].data(), back.size() * sizeof(float)) == 0, "dequantised, type " << type << ", " << sample.name);
                ++next;
            }
    });
}

TEST(quantize, dequantized_values_are_near)
{
    // From below: twice what a Gaussian leaves. A wrong bit anywhere in a layout is far above.
    const std::vector<std::pair<int32_t, double>> bounds{{0, 0},      {1, 5e-4},   {30, 4e-3},  {2, 0.18},  {3, 0.16},  {6, 0.09},  {7, 0.08},
                                                         {8, 1.2e-2}, {10, 0.6},   {11, 0.35},  {12, 0.16}, {13, 0.08}, {14, 0.04}};
    const auto values = normal_values(256 * 40, 11);
    for_each_isa([&](const std::string&) {
        for (const auto& [type, bound] : bounds)
        {
            const auto bytes = quantized(type, values, 4);
            std::vector<float> back(values.size());
            CHECK(t2k_dequantize(type, bytes.data(), 4, static_cast<int64_t>(values.size()) / 4, back.data(), 2) == T2K_OK, t2k_last_error());
            double error = 0, norm = 0;
            for (size_t i = 0; i < values.size(); ++i)
            {
                error += (back[i] - values[i]) * (back[i] - values[i]);
                norm += values[i] * values[i];
            }
            CHECK(std::sqrt(error / norm) <= bound, "type " << type << ": " << std::sqrt(error / norm));
        }
    });
}

TEST(quantize, every_fp16_and_bf16_survives_the_round_trip)
{
    for_each_isa([&](const std::string&) {
        for (const int32_t type : {1, 30})
        {
            std::vector<uint16_t> source;
            for (uint32_t bits = 0; bits < 65536; ++bits)
            {
                const uint32_t exponent = type == 1 ? 0x7C00u : 0x7F80u;
                if ((bits & exponent) != exponent || (bits & ~(exponent | 0x8000u)) == 0) // no NaN
                    source.push_back(static_cast<uint16_t>(bits));
            }
            std::vector<float> values(source.size());
            std::vector<uint16_t> back(source.size());
            const auto count = static_cast<int64_t>(source.size());
            CHECK(t2k_dequantize(type, source.data(), 1, count, values.data(), 1) == T2K_OK, t2k_last_error());
            CHECK(t2k_quantize(type, values.data(), 1, count, back.data(), 1) == T2K_OK, t2k_last_error());
            CHECK(source == back, "type " << type);
        }
    });
}

TEST(quantize, not_finite_values_do_no_harm)
{
    auto values = normal_values(256 * 8, 3);
    for (size_t i = 0; i < values.size(); i += 97)
        values[i] = i % 2 == 0 ? NAN : INFINITY;
    for_each_isa([&](const std::string&) {
        for (const int32_t type : all_types())
            quantized(type, values, 2);
    });
}
