// Tile 12×32: 24 accumulators, 2 of B, 1 broadcast of 32 registers.
#define T2_LANES 16
#include "sgemm_tiles.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_sgemm_avx512(SgemmKernels& kernels)
{
    fill<12, 2>(kernels);
}
