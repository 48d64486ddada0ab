// Tile 6×16: 24 accumulators, 4 of B, 1 broadcast of 32 registers.
#define T2_LANES 4
#include "sgemm_tiles.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_sgemm_neon(SgemmKernels& kernels)
{
    fill<6, 4>(kernels);
}
