// Rebuilds against the formula in fp64: W' = W + (W·V)·diag(z−1)·Vᵀ, or W + U·diag(z−1)·(Uᵀ·W).
#include "testing.h"
#include <algorithm>
#include <cstring>

namespace
{
struct Shape
{
    int64_t rows, cols;
};

// r orthonormal rows (modified Gram-Schmidt in fp64, twice), rounded to fp32.
std::vector<float> orthonormal(int64_t r, uint64_t seed)
{
    Random random(seed);
    std::vector<double> q(static_cast<size_t>(r * r));
    for (int64_t i = 0; i < r; ++i)
    {
        double* row = q.data() + i * r;
        for (int64_t j = 0; j < r; ++j)
            row[j] = random.normal();
        for (int pass = 0; pass < 2; ++pass)
        {
            for (int64_t p = 0; p < i; ++p)
            {
                double dot = 0;
                for (int64_t j = 0; j < r; ++j)
                    dot += row[j] * q[static_cast<size_t>(p * r + j)];
                for (int64_t j = 0; j < r; ++j)
                    row[j] -= dot * q[static_cast<size_t>(p * r + j)];
            }
            double norm = 0;
            for (int64_t j = 0; j < r; ++j)
                norm += row[j] * row[j];
            for (int64_t j = 0; j < r; ++j)
                row[j] /= std::sqrt(norm);
        }
    }
    return {q.begin(), q.end()};
}

std::vector<double> exact64(const std::vector<float>& w, Shape shape, const std::vector<float>& basis, const std::vector<float>& z, bool delta_only)
{
    const int64_t m = shape.rows, n = shape.cols, r = std::min(m, n);
    const bool right = n <= m;
    std::vector<double> out(static_cast<size_t>(m * n), 0.0);
    for (int64_t i = 0; i < r; ++i)
    {
        const double d = static_cast<double>(z[static_cast<size_t>(i)]) - 1;
        if (d == 0)
            continue;
        const float* v = basis.data() + i * r;
        std::vector<double> projection(static_cast<size_t>(right ? m : n), 0.0);
        for (int64_t a = 0; a < m; ++a)
            for (int64_t b = 0; b < n; ++b)
                projection[static_cast<size_t>(right ? a : b)] += static_cast<double>(w[static_cast<size_t>(a * n + b)]) * v[right ? b : a];
        for (int64_t a = 0; a < m; ++a)
            for (int64_t b = 0; b < n; ++b)
                out[static_cast<size_t>(a * n + b)] += d * projection[static_cast<size_t>(right ? a : b)] * v[right ? b : a];
    }
    if (!delta_only)
        for (size_t i = 0; i < out.size(); ++i)
            out[i] += static_cast<double>(w[i]);
    return out;
}

std::vector<float> exact(const std::vector<float>& w, Shape shape, const std::vector<float>& basis, const std::vector<float>& z, bool delta_only)
{
    const auto values = exact64(w, shape, basis, z, delta_only);
    return {values.begin(), values.end()};
}

template <class T>
double distance(const std::vector<float>& a, const std::vector<T>& b)
{
    double error = 0;
    for (size_t i = 0; i < a.size(); ++i)
    {
        const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        error += difference * difference;
    }
    return std::sqrt(error);
}

double norm(const std::vector<float>& a)
{
    return distance(a, std::vector<float>(a.size()));
}

struct Weight
{
    std::vector<uint8_t> bytes;
    std::vector<float> values; // what the bytes mean
};

Weight weight(int32_t type, Shape shape, uint64_t seed)
{
    const auto values = normal_values(shape.rows * shape.cols, seed, 0.03);
    Weight made{std::vector<uint8_t>(static_cast<size_t>(byte_count(type, shape.rows * shape.cols))), std::vector<float>(values.size())};
    CHECK(t2k_quantize(type, values.data(), shape.rows, shape.cols, made.bytes.data(), 1) == T2K_OK, t2k_last_error());
    CHECK(t2k_dequantize(type, made.bytes.data(), shape.rows, shape.cols, made.values.data(), 1) == T2K_OK, t2k_last_error());
    return made;
}

// z patterns: every kind of plan (all kept, few active, many equal, all different).
std::vector<float> z_vector(int64_t r, const std::string& pattern)
{
    Random random(5);
    std::vector<float> z(static_cast<size_t>(r), 1.0f);
    for (int64_t i = 0; i < r; ++i)
    {
        float& value = z[static_cast<size_t>(i)];
        if (pattern == "constant")
            value = 1.1f;
        else if (pattern == "first")
            value = i == 0 ? 1.4f : 1.0f;
        else if (pattern == "few")
            value = i % 7 == 3 ? static_cast<float>(random.uniform(0.5, 1.5)) : 1.0f;
        else if (pattern == "expert")
            value = static_cast<float>(1.02 + 0.05 * random.normal());
        else if (pattern == "wide")
            value = static_cast<float>(random.uniform(0.5, 1.5));
        else if (pattern == "mostly constant")
            value = i % 5 == 0 ? static_cast<float>(random.uniform(0.5, 1.5)) : 0.9f;
    }
    return z;
}

const std::vector<std::string> kPatterns{"constant", "first", "few", "expert", "wide", "mostly constant"};

std::vector<float> rebuilt(const Weight& w, int32_t src, Shape shape, const std::vector<float>& basis, const std::vector<float>& z, int32_t dst,
                           int32_t arithmetic, int threads, bool delta_only = false)
{
    // A guard behind the destination catches writes past the last block.
    const auto bytes = static_cast<size_t>(byte_count(dst, shape.rows * shape.cols));
    std::vector<uint8_t> out(bytes + 64, 0xA5);
    const auto call = delta_only ? t2k_delta : t2k_rebuild;
    CHECK(call(w.bytes.data(), src, shape.rows, shape.cols, basis.data(), z.data(), out.data(), dst, arithmetic, threads, nullptr) == T2K_OK,
          t2k_last_error());
    CHECK(std::all_of(out.begin() + static_cast<std::ptrdiff_t>(bytes), out.end(), [](uint8_t b) { return b == 0xA5; }), "wrote past the end");
    std::vector<float> values(static_cast<size_t>(shape.rows * shape.cols));
    CHECK(t2k_dequantize(dst, out.data(), shape.rows, shape.cols, values.data(), 1) == T2K_OK, t2k_last_error());
    return values;
}

double rms_change(const std::vector<float>& z)
{
    double squares = 0;
    for (const float value : z)
        squares += (value - 1.0) * (value - 1.0);
    return std::sqrt(squares / static_cast<double>(z.size())) + 1e-12; // z = 1 everywhere: errors are zero as well
}

const std::vector<Shape> kShapes{{1, 1},   {1, 2},   {2, 1},   {1, 64},   {64, 1},  {3, 5},    {5, 3},    {7, 7},    {8, 8},    {9, 8},   {16, 48},
                                 {48, 16}, {47, 47}, {49, 49}, {31, 97},  {97, 31}, {63, 65},  {65, 63},  {64, 64},  {101, 13}, {13, 101}, {200, 53},
                                 {53, 200}, {255, 40}, {40, 257}, {257, 256}, {256, 300}, {261, 259}};
}

TEST(rebuild, fp32_is_the_formula)
{
    for (const Shape shape : kShapes)
    {
        const int64_t r = std::min(shape.rows, shape.cols);
        const auto basis = orthonormal(r, 3);
        const Weight w = weight(0, shape, 17);
        for (const auto& pattern : kPatterns)
        {
            const auto z = z_vector(r, pattern);
            const auto expected = exact(w.values, shape, basis, z, false);
            for_each_isa([&](const std::string&) {
                const double error = distance(rebuilt(w, 0, shape, basis, z, 0, T2K_FP32, 2), expected) / norm(w.values);
                CHECK(error <= 1e-6, shape.rows << "×" << shape.cols << ", " << pattern << ": " << error);
                const double automatic = distance(rebuilt(w, 0, shape, basis, z, 0, T2K_AUTO, 1), expected) / norm(w.values);
                CHECK(automatic <= 1e-6, "auto, " << shape.rows << "×" << shape.cols << ", " << pattern << ": " << automatic);
            });
        }
    }
}

TEST(rebuild, low_precision_forms_keep_their_bounds)
{
    for (const Shape shape : kShapes)
    {
        const int64_t r = std::min(shape.rows, shape.cols);
        const auto basis = orthonormal(r, 4);
        const Weight w = weight(0, shape, 18);
        for (const auto& pattern : kPatterns)
        {
            const auto z = z_vector(r, pattern);
            const auto expected = exact(w.values, shape, basis, z, false);
            // Per unit of rms(z − 1); the low-rank form rounds once more than the dense one.
            const double size = rms_change(z) * norm(w.values);
            for_each_isa([&](const std::string&) {
                const double i16 = distance(rebuilt(w, 0, shape, basis, z, 0, T2K_INT16, 2), expected) / size;
                CHECK(i16 <= 4e-4, "int16, " << shape.rows << "×" << shape.cols << ", " << pattern << ": " << i16);
                const double bf16 = distance(rebuilt(w, 0, shape, basis, z, 0, T2K_BF16, 2), expected) / size;
                CHECK(bf16 <= 6e-3, "bf16, " << shape.rows << "×" << shape.cols << ", " << pattern << ": " << bf16);
                const double i8 = distance(rebuilt(w, 0, shape, basis, z, 0, T2K_INT8, 2), expected) / size;
                CHECK(i8 <= 3e-2, "int8, " << shape.rows << "×" << shape.cols << ", " << pattern << ": " << i8);
            });
        }
    }
}

TEST(rebuild, fixed_point_sums_stay_in_range)
{
    // The worst for 32-bit sums: every product of a block has the same sign and every lane its largest norm.
    const Shape shape{512, 512};
    const int64_t r = 512;
    auto basis = orthonormal(r, 6);
    for (int64_t j = 0; j < r; ++j)
        basis[static_cast<size_t>(j)] = 1 / std::sqrt(static_cast<float>(r)); // σ₁'s vector, all ones; the rest is masked by z
    Weight w = weight(0, shape, 19);
    for (float& value : w.values)
        value = 1.0f;
    std::memcpy(w.bytes.data(), w.values.data(), w.bytes.size());
    std::vector<float> z(static_cast<size_t>(r), 1.0f);
    z[0] = 1.5f;
    const auto expected = exact(w.values, shape, basis, z, false);
    for_each_isa([&](const std::string&) {
        const double error = distance(rebuilt(w, 0, shape, basis, z, 0, T2K_INT16, 1), expected) / norm(w.values);
        CHECK(error <= 1e-4, error);
        const double bytes = distance(rebuilt(w, 0, shape, basis, z, 0, T2K_INT8, 1), expected) / norm(w.values);
        CHECK(bytes <= 1e-4, "int8: " << bytes);
    });
}

TEST(rebuild, error_is_within_a_tenth_of_quantising_the_exact_result)
{
    const std::vector<Shape> shapes{{1, 256}, {5, 512}, {300, 256}, {256, 256}, {131, 768}, {300, 64}, {33, 96}, {96, 96}};
    for (const Shape shape : shapes)
    {
        const int64_t r = std::min(shape.rows, shape.cols);
        const auto basis = orthonormal(r, 8);
        for (const int32_t type : all_types())
        {
            if (type == 0 || shape.cols % block_length(type) != 0)
                continue;
            const Weight w = weight(type, shape, 21);
            for (const std::string pattern : {"expert", "few", "wide"})
            {
                const auto z = z_vector(r, pattern);
                const auto expected = exact(w.values, shape, basis, z, false);
                std::vector<uint8_t> bytes(w.bytes.size());
                std::vector<float> best(expected.size());
                CHECK(t2k_quantize(type, expected.data(), shape.rows, shape.cols, bytes.data(), 1) == T2K_OK, t2k_last_error());
                CHECK(t2k_dequantize(type, bytes.data(), shape.rows, shape.cols, best.data(), 1) == T2K_OK, t2k_last_error());
                const double floor = distance(best, expected);
                for_each_isa([&](const std::string&) {
                    const double error = distance(rebuilt(w, type, shape, basis, z, type, T2K_AUTO, 3), expected);
                    CHECK(error <= 1.1 * floor + 1e-9, "type " << type << ", " << shape.rows << "×" << shape.cols << ", " << pattern << ": " << error / floor);
                });
            }
        }
    }
}

TEST(rebuild, fp32_error_is_within_a_tenth_of_rounding_the_exact_result)
{
    for (const Shape shape : {Shape{300, 256}, Shape{640, 640}, Shape{96, 700}})
    {
        const int64_t r = std::min(shape.rows, shape.cols);
        const auto basis = orthonormal(r, 8);
        const Weight w = weight(0, shape, 21);
        const auto z = z_vector(r, "expert"); // rms(z − c) of 0.05, up to which this holds
        const auto expected = exact64(w.values, shape, basis, z, false);
        const double floor = distance({expected.begin(), expected.end()}, expected);
        for_each_isa([&](const std::string&) {
            const double error = distance(rebuilt(w, 0, shape, basis, z, 0, T2K_AUTO, 3), expected);
            CHECK(error <= 1.1 * floor, shape.rows << "×" << shape.cols << ": " << error / floor);
        });
    }
}

TEST(rebuild, types_may_differ)
{
    const Shape shape{70, 256};
    const auto basis = orthonormal(70, 9);
    const auto z = z_vector(70, "expert");
    for_each_isa([&](const std::string&) {
        for (const int32_t src : all_types())
        {
            const Weight w = weight(src, shape, 23);
            const auto expected = exact(w.values, shape, basis, z, false);
            CHECK(distance(rebuilt(w, src, shape, basis, z, 0, T2K_AUTO, 2), expected) <= 1e-6 * norm(expected), "from type " << src);
            CHECK(distance(rebuilt(w, src, shape, basis, z, 8, T2K_AUTO, 2), expected) <= 1e-2 * norm(expected), "from type " << src << " to Q8_0");
        }
    });
}

TEST(rebuild, ones_copy_the_bytes)
{
    for_each_isa([&](const std::string&) {
        for (const int32_t type : all_types())
        {
            const Shape shape{9, 256};
            const Weight w = weight(type, shape, 29);
            const auto basis = orthonormal(9, 2);
            const std::vector<float> z(9, 1.0f);
            std::vector<uint8_t> out(w.bytes.size());
            CHECK(t2k_rebuild(w.bytes.data(), type, 9, 256, basis.data(), z.data(), out.data(), type, T2K_AUTO, 2, nullptr) == T2K_OK, t2k_last_error());
            CHECK(out == w.bytes, "type " << type);
        }
    });
}

TEST(rebuild, delta_is_the_difference)
{
    for (const Shape shape : {Shape{5, 3}, Shape{65, 130}, Shape{130, 65}})
    {
        const int64_t r = std::min(shape.rows, shape.cols);
        const auto basis = orthonormal(r, 31);
        const Weight w = weight(1, shape, 37);
        for (const auto& pattern : kPatterns)
        {
            const auto z = z_vector(r, pattern);
            const auto expected = exact(w.values, shape, basis, z, true);
            for_each_isa([&](const std::string&) {
                const double error = distance(rebuilt(w, 1, shape, basis, z, 30, T2K_AUTO, 2, true), expected) / (norm(expected) + 1e-12);
                CHECK(error <= 5e-3, shape.rows << "×" << shape.cols << ", " << pattern << ": " << error);
            });
        }
    }
}

TEST(rebuild, threads_do_not_change_the_bytes)
{
    // Shapes whose panels end inside tiles, and differently for every number of threads.
    for (const Shape shape : {Shape{210, 192}, Shape{333, 70}, Shape{70, 1111}, Shape{192, 1440}})
    {
        const int64_t r = std::min(shape.rows, shape.cols);
        const auto basis = orthonormal(r, 41);
        const auto z = z_vector(r, "expert");
        for (const int32_t type : {0, 1, 8, 2})
        {
            if (shape.cols % block_length(type) != 0)
                continue;
            const Weight w = weight(type, shape, 43);
            for_each_isa([&](const std::string&) {
                for (const int32_t arithmetic : {T2K_AUTO, T2K_FP32, T2K_INT16, T2K_BF16, T2K_INT8})
                {
                    const auto one = rebuilt(w, type, shape, basis, z, type, arithmetic, 1);
                    for (const int threads : {2, 3, 4, 9})
                        CHECK(rebuilt(w, type, shape, basis, z, type, arithmetic, threads) == one,
                              shape.rows << "×" << shape.cols << ", type " << type << ", arithmetic " << arithmetic << ", " << threads << " threads");
                }
            });
        }
    }
}
