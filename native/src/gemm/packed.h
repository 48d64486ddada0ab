// Packed operands and the blocked product over them.
//
// An operand has `lanes` rows of A (or columns of B) and a depth. It is cut into blocks of depths, each block into tiles of mr (nr) lanes:
//   tile (block, t) = all depths of the block for lanes t·tile .. t·tile+tile−1, contiguous; missing lanes are zero.
// A block is as deep as lets a B tile of 48 lanes (24 KiB) stay in the first-level cache while the rows of the panel pass: 128 depths in fp32, 256 in 16
// bits, 512 in 8. Products run block by block, B tile by B tile, and inside over the A tiles.
#pragma once
#include "../common/aligned.h"
#include "gemm_kernels.h"
#include <algorithm>

namespace t2k
{
enum class Arithmetic
{
    F32,
    I16,
    BF16,
    I8,
};

enum class Side
{
    Left,  // A: tiles of mr lanes
    Right, // B: tiles of nr lanes
};

class PackedOperand
{
public:
    PackedOperand() = default;
    PackedOperand(const GemmKernels& kernels, Side side, Arithmetic arithmetic, int64_t lanes, int64_t depth);

    int64_t tiles() const { return tiles_; }
    int64_t blocks() const { return (depth_ + block_ - 1) / block_; }
    int64_t tile_lanes() const { return tile_; }
    int64_t lanes() const { return lanes_; }
    int64_t depth() const { return depth_; }
    int64_t block_depth(int64_t block) const { return std::min(block_, depth_ - block * block_); }
    Arithmetic arithmetic() const { return arithmetic_; }

    // Packs every block of tile t. With lane_contiguous, first_lane is set here; otherwise ptr[lane] is the pointer of lane t·tile+lane.
    void pack(const GemmKernels& kernels, int64_t t, TileSource source);

    const uint8_t* tile(int64_t block, int64_t t) const { return data_.data() + offset(block, t); }
    const float* steps(int64_t block, int64_t t) const { return steps_.data() + (block * tiles_ + t) * tile_; }
    const int32_t* start(int64_t block, int64_t t) const { return start_.data() + (block * tiles_ + t) * tile_; }

private:
    // Depths are padded to fours so that every group of 32 bits is whole.
    static int64_t padded(int64_t depth) { return (depth + 3) / 4 * 4; }

    int64_t offset(int64_t block, int64_t t) const { return (block * block_ * tiles_ + t * padded(block_depth(block))) * tile_ * size_; }

    Arithmetic arithmetic_ = Arithmetic::F32;
    Side side_ = Side::Left;
    int64_t tile_ = 1, lanes_ = 0, tiles_ = 0, depth_ = 0, size_ = 4, block_ = 128;
    AlignedBuffer<uint8_t> data_;
    AlignedBuffer<float> steps_;   // fixed point
    AlignedBuffer<int32_t> start_; // int8, B
};

// C[rows × columns] += A·B for the lanes of A tiles [a_first, a_last) and B tiles [b_first, b_last). c points at lane (a_first·mr, b_first·nr), ldc apart.
void multiply(const GemmKernels& kernels, const PackedOperand& a, int64_t a_first, int64_t a_last, const PackedOperand& b, int64_t b_first,
              int64_t b_last, float* c, int64_t ldc);
}
