// The block layouts of ggml's tensor types, as they lie in a GGUF file. Sizes are checked; every field is little-endian.
#pragma once
#include <cstdint>

namespace t2k
{
enum class Type : int32_t
{
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q2_K = 10,
    Q3_K = 11,
    Q4_K = 12,
    Q5_K = 13,
    Q6_K = 14,
    BF16 = 30,
};

constexpr int kTypeSlots = 31;

// Packed: blocks lie at any byte address. may_alias: tensors are bytes, and blocks are read and written in place.
#define T2_BLOCK __attribute__((packed, may_alias))
struct T2_BLOCK BlockQ4_0 { uint16_t d; uint8_t qs[16]; };                                        // x = d·(q − 8)
struct T2_BLOCK BlockQ4_1 { uint16_t d, m; uint8_t qs[16]; };                                     // x = d·q + m
struct T2_BLOCK BlockQ5_0 { uint16_t d; uint8_t qh[4]; uint8_t qs[16]; };                         // x = d·(q − 16)
struct T2_BLOCK BlockQ5_1 { uint16_t d, m; uint8_t qh[4]; uint8_t qs[16]; };                      // x = d·q + m
struct T2_BLOCK BlockQ8_0 { uint16_t d; int8_t qs[32]; };                                         // x = d·q
struct T2_BLOCK BlockQ2_K { uint8_t scales[16]; uint8_t qs[64]; uint16_t d, dmin; };              // 16×16, 4-bit scales and mins
struct T2_BLOCK BlockQ3_K { uint8_t hmask[32]; uint8_t qs[64]; uint8_t scales[12]; uint16_t d; }; // 16×16, 6-bit scales
struct T2_BLOCK BlockQ4_K { uint16_t d, dmin; uint8_t scales[12]; uint8_t qs[128]; };             // 8×32, 6-bit scales and mins
struct T2_BLOCK BlockQ5_K { uint16_t d, dmin; uint8_t scales[12]; uint8_t qh[32]; uint8_t qs[128]; };
struct T2_BLOCK BlockQ6_K { uint8_t ql[128]; uint8_t qh[64]; int8_t scales[16]; uint16_t d; };    // 16×16, 8-bit scales
#undef T2_BLOCK

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_0) == 22 && sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34);
static_assert(sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110 && sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176 && sizeof(BlockQ6_K) == 210);

// One tensor type in one instruction set.
struct TypeKernels
{
    const char* name = nullptr; // null: type not handled
    int32_t block_length = 0;
    int32_t block_bytes = 0;

    // `rows` rows of n values (whole blocks), x_stride floats and y_stride bytes apart, into blocks. Bit-identical to ggml without an importance matrix.
    void (*quantize)(const float* x, int64_t x_stride, uint8_t* y, int64_t y_stride, int64_t rows, int64_t n) = nullptr;

    // n values (whole blocks).
    void (*dequantize)(const uint8_t* x, float* y, int64_t n) = nullptr;

    // As quantize, for mixtures: K-quants with the short search of fast_search.h, every other type with the same bytes.
    void (*quantize_fast)(const float* x, int64_t x_stride, uint8_t* y, int64_t y_stride, int64_t rows, int64_t n) = nullptr;

    int64_t bytes_for(int64_t n) const { return n / block_length * block_bytes; }
};
}
