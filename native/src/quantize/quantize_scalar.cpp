// The plain reference: scalar K-quant searches, whatever the compiler makes of the rest.
// Compiled without contraction of multiply and add: bytes must equal ggml's.
#define T2_LANES 4
#define T2_SCALAR_SEARCH
#include "kernels.h"
#include "../dispatch/kernel_table.h"

void t2k::fill_quantizers_scalar(TypeKernels* table)
{
    fill_table(table);
}
