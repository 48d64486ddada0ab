// Tile 6×16: 12 accumulators, 2 of B, 1 broadcast of 16 registers.
#define T2_LANES 8
#include "sgemm_tiles.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_sgemm_avx2(SgemmKernels& kernels)
{
    fill<6, 2>(kernels);
}
