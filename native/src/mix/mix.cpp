// Layout: tensors are taken as one run of blocks; a task is a run of chunks whose fp32 values (16 KiB) stay in the first-level cache while W is dequantised,
// every delta added in fp32, and the sum quantised. Traffic per value: source + count·delta + destination bytes, each read or written once.
// Error: the deltas' own rounding (bf16: 1.7e-3 of each delta) and the destination's.
#include "mix.h"
#include "../threads/team.h"
#include <algorithm>
#include <cstring>

namespace t2k
{
void mix(const KernelTable& kernels, const MixCall& call, const Cancellation& cancellation)
{
    const TypeKernels& src = kernels.type(call.src_type);
    const TypeKernels& dst = kernels.type(call.dst_type);
    if (call.delta_type != static_cast<int32_t>(Type::F32) && call.delta_type != static_cast<int32_t>(Type::F16) &&
        call.delta_type != static_cast<int32_t>(Type::BF16))
        throw Failure(T2K_UNSUPPORTED, "Deltas are F32, F16 or BF16, not type " + std::to_string(call.delta_type) + ".");
    const int64_t delta_bytes = call.delta_type == static_cast<int32_t>(Type::F32) ? 4 : 2;
    constexpr int64_t chunk = 4096, run = 64 * chunk;
    const int64_t total = call.rows * call.cols;
    Team team(call.threads);
    team.run((total + run - 1) / run, cancellation, [&](int64_t task, int) {
        alignas(64) float values[chunk];
        for (int64_t first = task * run; first < std::min(total, (task + 1) * run); first += chunk)
        {
            const int64_t n = std::min(chunk, total - first);
            src.dequantize(call.src + src.bytes_for(first), values, n);
            for (int32_t k = 0; k < call.count; ++k)
                if (call.alpha[k] != 0)
                    kernels.gemm.accumulate(call.delta_type, static_cast<const uint8_t*>(call.deltas[k]) + first * delta_bytes, call.alpha[k], values, n);
            dst.quantize(values, n, call.dst + dst.bytes_for(first), 0, 1, n);
        }
    });
}
}
