// Tile 8×48: 24 accumulators, 3 of B, 1 broadcast of 32 registers. int16 by vpmaddwd + vpaddd.
#define T2_LANES 16
#include "tiles.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_gemm_avx512(GemmKernels& kernels)
{
    fill<8, 3>(kernels);
}
