// W' = W + Σ αₖ·Dₖ with the deltas of prepared experts at hand: memory traffic only, no product of matrices.
#pragma once
#include "../common/status.h"
#include "../dispatch/kernel_table.h"

namespace t2k
{
struct MixCall
{
    const uint8_t* src;
    int32_t src_type;
    int64_t rows, cols;
    int32_t count;
    const void* const* deltas;
    int32_t delta_type; // F32, F16 or BF16
    const float* alpha;
    uint8_t* dst;
    int32_t dst_type;
    int threads;
};

void mix(const KernelTable& kernels, const MixCall& call, const Cancellation& cancellation);
}
