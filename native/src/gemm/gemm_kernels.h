// The inner kernels of the packed matrix products, one set per instruction set. See packed.h for the layout of packed operands.
#pragma once
#include <cstdint>

namespace t2k
{
// The deepest packed block of any arithmetic (packed.h chooses).
constexpr int64_t kMostDepth = 512;

// Where a tile's values come from: element (lane, depth) is ptr[lane][depth], or ptr[depth][lane]·scale[depth].
struct TileSource
{
    const float* const* ptr;
    const float* scale;   // per depth, only with lane_contiguous; may be null
    bool lane_contiguous; // ptr is indexed by depth and each pointer runs along lanes
    int64_t first_lane;   // added to every pointer with lane_contiguous
};

// C (rows × columns of the tile, ldc floats apart) += A·B over `depth` (fp32), `pairs` (16 bits) or `quads` (8 bits) of depths.
struct GemmKernels
{
    int mr = 0, nr = 0;     // rows and columns of a tile with fp32 results
    bool fast_i16 = false;  // whether i16 beats f32 here
    void (*f32)(int64_t depth, const float* a, const float* b, float* c, int64_t ldc) = nullptr;
    void (*i16)(int64_t pairs, const int16_t* a, const int16_t* b, const float* a_step, const float* b_step, float* c, int64_t ldc) = nullptr;
    // Null where the CPU has no such unit. i8: a has 128 added, b_start holds −128·Σb of every lane.
    void (*bf16)(int64_t pairs, const uint16_t* a, const uint16_t* b, float* c, int64_t ldc) = nullptr;
    void (*i8)(int64_t quads, const uint8_t* a, const int8_t* b, const float* a_step, const float* b_step, const int32_t* b_start, float* c,
               int64_t ldc) = nullptr;

    // One tile of `lanes` lanes, `valid` of them real (the rest zero), over depths first..first+depth.
    void (*pack_f32)(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, float* out) = nullptr;
    void (*pack_i16)(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, int16_t* out, float* step) = nullptr;
    void (*pack_i8)(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, int8_t* out, float* step, int32_t* start) = nullptr; // start: B only
    void (*pack_bf16)(const TileSource& source, int lanes, int valid, int64_t first, int64_t depth, uint16_t* out) = nullptr;

    // y += alpha·x for n values of F32, F16 or BF16 (by ggml's number); y *= alpha; y = alpha·y + x, rounded once.
    void (*accumulate)(int32_t type, const void* x, float alpha, float* y, int64_t n) = nullptr;
    void (*scale)(float* y, float alpha, int64_t n) = nullptr;
    void (*scale_add)(float* y, float alpha, const float* x, int64_t n) = nullptr;

    // Copies whole lines of 64 bytes to a line's boundary, past the caches; visible to other threads after stream_end. Null where there are no such stores.
    void (*stream)(const uint8_t* from, uint8_t* to, int64_t bytes) = nullptr;
    void (*stream_end)() = nullptr;
};
}
