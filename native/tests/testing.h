// A test is a function registered by TEST(group, name); CHECK stops it with the values that differed. No framework: the library has no dependencies, and
// neither have its tests.
#pragma once
#include "t2kernels.h"
#include <cmath>
#include <cstdint>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct TestCase
{
    std::string group, name;
    std::function<void()> body;
};

std::vector<TestCase>& test_cases();

struct Registration
{
    Registration(const char* group, const char* name, std::function<void()> body) { test_cases().push_back({group, name, std::move(body)}); }
};

struct Skip : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

#define TEST(group, name)                                                   \
    static void group##_##name();                                           \
    static const Registration registration_##group##_##name(#group, #name, group##_##name); \
    static void group##_##name()

#define CHECK(condition, message)                                                                     \
    do                                                                                                \
    {                                                                                                 \
        if (!(condition))                                                                             \
        {                                                                                             \
            std::ostringstream text;                                                                  \
            text << __FILE__ << ':' << __LINE__ << ": " #condition " — " << message;                  \
            throw std::runtime_error(text.str());                                                     \
        }                                                                                             \
    } while (false)

// xorshift64*, so that every platform sees the same values.
class Random
{
public:
    explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}

    uint64_t next()
    {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545F4914F6CDD1Du;
    }

    double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    double uniform(double low, double high) { return low + (high - low) * uniform(); }

    double normal()
    {
        const double r = std::sqrt(-2 * std::log(uniform() + 1e-300));
        return r * std::cos(6.283185307179586 * uniform());
    }

private:
    uint64_t state_;
};

inline std::vector<float> normal_values(int64_t count, uint64_t seed, double scale = 1)
{
    Random random(seed);
    std::vector<float> values(static_cast<size_t>(count));
    for (float& v : values)
        v = static_cast<float>(scale * random.normal());
    return values;
}

// Runs `body` once for every instruction set of this CPU, that set being in force.
void for_each_isa(const std::function<void(const std::string& isa)>& body);

inline const std::vector<int32_t>& all_types()
{
    static const std::vector<int32_t> types{0, 1, 30, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14};
    return types;
}

inline int64_t block_length(int32_t type)
{
    int32_t length = 0, bytes = 0;
    CHECK(t2k_type_info(type, &length, &bytes) == T2K_OK, t2k_last_error());
    return length;
}

inline int64_t byte_count(int32_t type, int64_t values)
{
    int32_t length = 0, bytes = 0;
    CHECK(t2k_type_info(type, &length, &bytes) == T2K_OK, t2k_last_error());
    return values / length * bytes;
}
