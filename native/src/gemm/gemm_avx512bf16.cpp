// Tile 8×48 on the dot-product units: vpdpwssd (int16) and vdpbf16ps with 32 multiply-adds per instruction, vpdpbusd (int8) with 64, all measured at the same
// 3.7 G instructions per second on Zen 4. The bf16 tile is there to be asked for (T2K_BF16): fixed point has a seventeenth of its error at the same speed.
#define T2_LANES 16
#include "tiles.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_gemm_avx512bf16(GemmKernels& kernels)
{
    fill<8, 3>(kernels);
}
