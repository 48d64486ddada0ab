// Tile 6×16: 12 accumulators, 2 of B, 1 broadcast, 1 product: 16 registers. int16 by vpmaddwd + vpaddd: on Zen 4 1.6 times the FMA rate.
#define T2_LANES 8
#include "tiles.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_gemm_avx2(GemmKernels& kernels)
{
    fill<6, 2>(kernels);
}
