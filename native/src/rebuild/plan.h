// What a rebuild will compute, decided from z and the types before any work.
//
//   W' = U·diag(σ⊙z)·Vᵀ = c·W + U·diag(σ⊙(z − c))·Vᵀ for any c, since W = U·diag(σ)·Vᵀ.
//
// Only the singular vectors with z ≠ c take part ("active"). c = 1 keeps the delta form; the most frequent value of z leaves the fewest active, and the mean
// the smallest ‖z − c‖, so the smallest rounding error. With k active vectors of length r on the smaller side and L the longer side:
//   dense     S = Σ dᵢ·vᵢ·vᵢᵀ once (k·r²/2), then c·W + W·S (or S·W): L·r²
//   low rank  c·W + (W·V_k)·diag(d)·V_kᵀ: 2·L·r·k
#pragma once
#include "../dispatch/kernel_table.h"
#include "../gemm/packed.h"
#include <vector>

namespace t2k
{
struct RebuildPlan
{
    Arithmetic arithmetic = Arithmetic::F32;
    bool low_rank = false;
    float center = 1.0f;         // c
    std::vector<int64_t> active; // i with zᵢ ≠ c
    std::vector<float> weight;   // dᵢ = zᵢ − c of each
    double multiplications = 0;  // of the panels and of S, for reports
};

// `requested` is a t2k_arithmetic. Throws Failure for a z that is not finite.
RebuildPlan plan_rebuild(const KernelTable& kernels, const float* z, int64_t rank, int64_t longer, int32_t dst_type, int32_t requested);
}
