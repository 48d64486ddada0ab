// fp64 product in tiles of 6×8: 24 accumulators of 2 doubles, 4 of B, 1 broadcast.
#define T2_LANES 4
#include "dense_loops.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_dense_neon(DenseKernels& kernels)
{
    fill<6, 4>(kernels);
}
