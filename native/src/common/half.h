// fp16 and bf16 conversions, one value at a time, rounding to nearest even with ggml's treatment of NaN (fp16: 0x7E00 with the sign; bf16: quieted payload).
// `static` on purpose: these headers are compiled once per instruction set, and the linker must never merge those copies.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

namespace t2k
{
static inline uint32_t bits_of(float value)
{
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Scaling up and back down saturates overflow to infinity; adding a power of two 13 binades above the value then rounds it to 10 bits of mantissa.
static inline uint16_t half_of(float value)
{
    const uint32_t bits = bits_of(value);
    const uint32_t magnitude = bits & 0x7FFFFFFFu;
    const uint32_t sign = (bits >> 16) & 0x8000u;
    if (magnitude > 0x7F800000u)
        return static_cast<uint16_t>(sign | 0x7E00u);
    const float saturated = (float_of(magnitude) * 0x1.0p+112f) * 0x1.0p-110f;
    uint32_t exponent = magnitude & 0x7F800000u;
    if (exponent < 0x38800000u)
        exponent = 0x38800000u;
    const uint32_t rounded = bits_of(float_of(exponent + 0x07800000u) + saturated);
    return static_cast<uint16_t>(sign | (((rounded >> 13) & 0x7C00u) + (rounded & 0x0FFFu)));
}

static inline float float_of_half(uint16_t half)
{
    const uint32_t sign = (half & 0x8000u) << 16;
    const uint32_t rest = (half & 0x7FFFu) << 13;
    if (rest >= 0x0F800000u) // infinity, NaN
        return float_of(sign | (rest + 0x70000000u));
    return float_of(sign | bits_of(float_of(rest) * 0x1.0p+112f));
}

static inline uint16_t bfloat_of(float value)
{
    const uint32_t bits = bits_of(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return static_cast<uint16_t>((bits >> 16) | 64u);
    return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

static inline float float_of_bfloat(uint16_t value)
{
    return float_of(static_cast<uint32_t>(value) << 16);
}
}
