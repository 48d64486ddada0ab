// fp64 product in tiles of 6×8: 12 accumulators of 4 doubles, 2 of B, 1 broadcast.
#define T2_LANES 8
#include "dense_loops.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_dense_avx2(DenseKernels& kernels)
{
    fill<6, 2>(kernels);
}
