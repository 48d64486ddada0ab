// 8 lanes: one super-block of 8 sub-blocks (Q4_K, Q5_K) or half of one of 16 (Q2_K, Q3_K, Q6_K) at a time.
// Compiled without contraction of multiply and add: bytes must equal ggml's.
#define T2_LANES 8
#include "kernels.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_quantizers_avx2(TypeKernels* table)
{
    fill_table(table);
}
