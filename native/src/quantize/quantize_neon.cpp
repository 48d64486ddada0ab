// 4 lanes: half a super-block of 8 sub-blocks or a quarter of one of 16 at a time.
// Compiled without contraction of multiply and add: bytes must equal ggml's.
#define T2_LANES 4
#include "kernels.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_quantizers_neon(TypeKernels* table)
{
    fill_table(table);
}
