// Tile 6×8: 12 accumulators, 2 of B, 1 broadcast of SSE's 16 registers.
#define T2_LANES 4
#include "sgemm_tiles.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_sgemm_scalar(SgemmKernels& kernels)
{
    fill<6, 2>(kernels);
}
