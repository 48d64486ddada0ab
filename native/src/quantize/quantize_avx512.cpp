// 16 lanes: two super-blocks of 8 sub-blocks or one of 16 at a time.
// Compiled without contraction of multiply and add: bytes must equal ggml's.
#define T2_LANES 16
#include "kernels.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_quantizers_avx512(TypeKernels* table)
{
    fill_table(table);
}
