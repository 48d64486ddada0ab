// fp64 product in tiles of 4×4 on the baseline's vectors.
#define T2_LANES 4
#include "dense_loops.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_dense_scalar(DenseKernels& kernels)
{
    fill<4, 2>(kernels);
}
