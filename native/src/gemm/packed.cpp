#include "packed.h"

namespace t2k
{
PackedOperand::PackedOperand(const GemmKernels& kernels, Side side, Arithmetic arithmetic, int64_t lanes, int64_t depth)
    : arithmetic_(arithmetic), side_(side), tile_(side == Side::Left ? kernels.mr : kernels.nr), lanes_(lanes), tiles_((lanes + tile_ - 1) / tile_),
      depth_(depth), size_(arithmetic == Arithmetic::F32 ? 4 : (arithmetic == Arithmetic::I8 ? 1 : 2)), block_(512 / size_), data_(padded(depth) * tiles_ * tile_ * size_)
{
    if (arithmetic == Arithmetic::I16 || arithmetic == Arithmetic::I8)
        steps_ = AlignedBuffer<float>(blocks() * tiles_ * tile_);
    if (arithmetic == Arithmetic::I8 && side == Side::Right)
        start_ = AlignedBuffer<int32_t>(blocks() * tiles_ * tile_);
}

void PackedOperand::pack(const GemmKernels& kernels, int64_t t, TileSource source)
{
    const int tile = static_cast<int>(tile_);
    const int valid = static_cast<int>(std::min(tile_, lanes_ - t * tile_));
    if (source.lane_contiguous)
        source.first_lane = t * tile_;
    for (int64_t block = 0; block < blocks(); ++block)
    {
        uint8_t* out = data_.data() + offset(block, t);
        const int64_t first = block * block_, depth = block_depth(block);
        switch (arithmetic_)
        {
        case Arithmetic::F32:
            kernels.pack_f32(source, tile, valid, first, depth, reinterpret_cast<float*>(out));
            break;
        case Arithmetic::I16:
            kernels.pack_i16(source, tile, valid, first, depth, reinterpret_cast<int16_t*>(out), steps_.data() + (block * tiles_ + t) * tile_);
            break;
        case Arithmetic::I8:
            kernels.pack_i8(source, tile, valid, first, depth, reinterpret_cast<int8_t*>(out), steps_.data() + (block * tiles_ + t) * tile_,
                            side_ == Side::Right ? start_.data() + (block * tiles_ + t) * tile_ : nullptr);
            break;
        case Arithmetic::BF16:
            kernels.pack_bf16(source, tile, valid, first, depth, reinterpret_cast<uint16_t*>(out));
            break;
        }
    }
}

namespace
{
void multiply_tile(const GemmKernels& kernels, const PackedOperand& a, int64_t at, const PackedOperand& b, int64_t bt, int64_t block, float* c,
                   int64_t ldc)
{
    const int64_t depth = a.block_depth(block), pairs = (depth + 1) / 2;
    switch (a.arithmetic())
    {
    case Arithmetic::F32:
        kernels.f32(depth, reinterpret_cast<const float*>(a.tile(block, at)), reinterpret_cast<const float*>(b.tile(block, bt)), c, ldc);
        break;
    case Arithmetic::I16:
        kernels.i16(pairs, reinterpret_cast<const int16_t*>(a.tile(block, at)), reinterpret_cast<const int16_t*>(b.tile(block, bt)),
                    a.steps(block, at), b.steps(block, bt), c, ldc);
        break;
    case Arithmetic::I8:
        kernels.i8((depth + 3) / 4, a.tile(block, at), reinterpret_cast<const int8_t*>(b.tile(block, bt)), a.steps(block, at), b.steps(block, bt),
                   b.start(block, bt), c, ldc);
        break;
    case Arithmetic::BF16:
        kernels.bf16(pairs, reinterpret_cast<const uint16_t*>(a.tile(block, at)), reinterpret_cast<const uint16_t*>(b.tile(block, bt)), c, ldc);
        break;
    }
}
}

void multiply(const GemmKernels& kernels, const PackedOperand& a, int64_t a_first, int64_t a_last, const PackedOperand& b, int64_t b_first,
              int64_t b_last, float* c, int64_t ldc)
{
    const int64_t mr = kernels.mr, nr = kernels.nr;
    AlignedBuffer<float> edge(mr * nr);
    std::fill_n(edge.data(), mr * nr, 0.0f); // lanes beyond C's are computed as well, and must be numbers
    for (int64_t block = 0; block < a.blocks(); ++block)
        for (int64_t bt = b_first; bt < b_last; ++bt)
            for (int64_t at = a_first; at < a_last; ++at)
            {
                const int64_t rows = std::min(mr, a.lanes() - at * mr), columns = std::min(nr, b.lanes() - bt * nr);
                float* tile = c + (at - a_first) * mr * ldc + (bt - b_first) * nr;
                if (rows == mr && columns == nr)
                {
                    multiply_tile(kernels, a, at, b, bt, block, tile, ldc);
                    continue;
                }
                // The tile starts from C's own values here too: added afterwards they would round differently, and the result depend on where a panel was cut.
                for (int64_t r = 0; r < rows; ++r)
                    std::copy_n(tile + r * ldc, columns, edge.data() + r * nr);
                multiply_tile(kernels, a, at, b, bt, block, edge.data(), nr);
                for (int64_t r = 0; r < rows; ++r)
                    std::copy_n(edge.data() + r * nr, columns, tile + r * ldc);
            }
}
}
