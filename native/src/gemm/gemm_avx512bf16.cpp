// Tile 8×48, dot-product units: vpdpwssd (int16) and vdpbf16ps, both 32 multiply-adds per instruction and measured at the same 3.7 G/s on Zen 4.
#define T2_LANES 16
#include "tiles.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_gemm_avx512bf16(GemmKernels& kernels)
{
    fill<8, 3>(kernels);
}
