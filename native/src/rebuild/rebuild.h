// One fused pass per panel: dequantise → pack → multiply by S (or by its two low-rank factors) → add to c·W → quantise into the destination.
#pragma once
#include "../common/status.h"
#include "../dispatch/kernel_table.h"

namespace t2k
{
struct RebuildCall
{
    const uint8_t* src;
    int32_t src_type;
    int64_t rows, cols;
    const float* basis; // r×r, row i the singular vector of σᵢ
    const float* z;
    uint8_t* dst;
    int32_t dst_type;
    int32_t arithmetic;
    int threads;
    bool delta_only; // W' − W instead of W'
};

void rebuild(const KernelTable& kernels, const RebuildCall& call, const Cancellation& cancellation);
}
