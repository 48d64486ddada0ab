// Baseline tile 4×8 on whatever 128-bit vectors the baseline has.
#define T2_LANES 4
#include "tiles.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_gemm_scalar(GemmKernels& kernels)
{
    fill<4, 2>(kernels);
}
