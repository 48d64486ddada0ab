// fp64 product in tiles of 8×24: 24 accumulators of 8 doubles, 3 of B, 1 broadcast.
#define T2_LANES 16
#include "dense_loops.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_dense_avx512(DenseKernels& kernels)
{
    fill<8, 3>(kernels);
}
