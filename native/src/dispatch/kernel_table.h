// Everything that differs by instruction set, as one table of functions per set. isa.cpp picks a table at run time; the rest of the library is compiled for
// the baseline and calls through it.
#pragma once
#include "../factorize/dense_kernels.h"
#include "../gemm/gemm_kernels.h"
#include "../quantize/formats.h"
#include "../sgemm/sgemm_kernels.h"
#include <cstdint>

namespace t2k
{
struct KernelTable
{
    const char* name = nullptr;
    TypeKernels types[kTypeSlots];
    GemmKernels gemm;
    DenseKernels dense;
    SgemmKernels sgemm;

    // The kernels of `type`. Throws Failure(T2K_UNSUPPORTED) for a type not handled.
    const TypeKernels& type(int32_t type) const;
};

// The table in use (the best, or the one forced), and the tables this CPU can run, best first.
const KernelTable& current_kernels();
const KernelTable* kernels_at(int i);
void force_kernels(const char* name); // null: back to the best

// Each instruction set's part, defined where its flags are: quantize_<isa>.cpp, gemm_<isa>.cpp, dense_<isa>.cpp, sgemm_<isa>.cpp.
void fill_quantizers_scalar(TypeKernels* table);
void fill_gemm_scalar(GemmKernels& kernels);
void fill_dense_scalar(DenseKernels& kernels);
void fill_sgemm_scalar(SgemmKernels& kernels);
#if defined(__x86_64__)
void fill_quantizers_avx2(TypeKernels* table);
void fill_quantizers_avx512(TypeKernels* table);
void fill_gemm_avx2(GemmKernels& kernels);
void fill_gemm_avx512(GemmKernels& kernels);
void fill_gemm_avx512bf16(GemmKernels& kernels);
void fill_dense_avx2(DenseKernels& kernels);
void fill_sgemm_avx2(SgemmKernels& kernels);
void fill_dense_avx512(DenseKernels& kernels);
void fill_sgemm_avx512(SgemmKernels& kernels);
#elif defined(__aarch64__)
void fill_quantizers_neon(TypeKernels* table);
void fill_gemm_neon(GemmKernels& kernels);
void fill_dense_neon(DenseKernels& kernels);
void fill_sgemm_neon(SgemmKernels& kernels);
#endif
}
