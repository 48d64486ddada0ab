/* t2kernels: the native kernels of T2 behind a C ABI.
 *
 * Every function returns a status code and throws nothing; t2k_last_error() has the sentence that goes with the last failure on the calling thread.
 * Matrices are row-major: `rows` outputs of `cols` contiguous inputs. Tensor types carry ggml's numbers. r = min(rows, cols).
 * `threads` bounds the threads used by that call (1 = the caller's own). `cancel` may be NULL; when it points at a non-zero value the call stops at its
 * next panel with T2K_CANCELLED and leaves its outputs undefined. All functions may be called from several threads at once. */
#ifndef T2KERNELS_H
#define T2KERNELS_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define T2K_API __declspec(dllexport)
#else
#define T2K_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define T2K_ABI_VERSION 3

enum t2k_status
{
    T2K_OK = 0,
    T2K_INVALID = 1,     /* an argument is out of range */
    T2K_NO_MEMORY = 2,   /* workspace could not be allocated */
    T2K_CANCELLED = 3,   /* *cancel was set */
    T2K_UNSUPPORTED = 4, /* a tensor type this library cannot read or write */
    T2K_NOT_FINITE = 5,  /* NaN or infinity in the input */
    T2K_INTERNAL = 6     /* anything else; please report */
};

/* How the delta GEMM of a rebuild is computed. */
enum t2k_arithmetic
{
    T2K_AUTO = 0,  /* the fastest of INT8, INT16, FP32 whose error the destination's own rounding hides */
    T2K_FP32 = 1,  /* fp32 multiply-add */
    T2K_INT16 = 2, /* 16-bit fixed point, 32-bit dot products */
    T2K_BF16 = 3,  /* bf16 dot products; falls to INT16 where the CPU has none */
    T2K_INT8 = 4   /* 8-bit fixed point, 32-bit dot products; falls to INT16 where the CPU has none */
};

/* T2K_ABI_VERSION the library was built with: ask before anything else. */
T2K_API int32_t t2k_abi_version(void);

/* Sentence for the last failure on this thread; valid until the thread's next call. */
T2K_API const char* t2k_last_error(void);

/* The instruction set in use: "scalar", "avx2", "avx512", "avx512bf16" or "neon". */
T2K_API const char* t2k_isa(void);

/* The i-th instruction set this CPU can run, best first; NULL past the end. */
T2K_API const char* t2k_isa_at(int32_t i);

/* Forces an instruction set for calls that start afterwards; NULL returns to the best. Tests and benchmarks only. */
T2K_API int32_t t2k_set_isa(const char* name);

/* Values per block and bytes per block of a tensor type; T2K_UNSUPPORTED for types not handled here. */
T2K_API int32_t t2k_type_info(int32_t type, int32_t* block_length, int32_t* block_bytes);

/* rows×cols values of `type` to fp32, and back. Quantising gives ggml_quantize_chunk's very bytes (no importance matrix). */
T2K_API int32_t t2k_dequantize(int32_t type, const void* src, int64_t rows, int64_t cols, float* dst, int32_t threads);
T2K_API int32_t t2k_quantize(int32_t type, const float* src, int64_t rows, int64_t cols, void* dst, int32_t threads);

/* Bytes of workspace t2k_factorize asks for, outputs not counted. Between calls at most 48 MiB of workspaces are kept, for all calls together. */
T2K_API int64_t t2k_factorize_bytes(int64_t rows, int64_t cols, int32_t threads);

/* Gives the kept workspaces back to the system, unless they are less than 4 MiB in all. To be called when no call is expected soon. Returns their bytes. */
T2K_API int64_t t2k_release_workspaces(void);

/* sigma: r singular values, descending. basis: r×r, row i the singular vector of sigma[i] on the smaller side (V if cols <= rows, else U). */
T2K_API int32_t t2k_factorize(const float* weight, int64_t rows, int64_t cols, double* sigma, float* basis, int32_t threads,
                              const volatile int32_t* cancel);

/* W' = U·diag(σ⊙z)·Vᵀ as W plus a delta, quantised into dst. z = 1 everywhere and equal types: a byte copy. src and dst must not overlap. */
T2K_API int32_t t2k_rebuild(const void* src, int32_t src_type, int64_t rows, int64_t cols, const float* basis, const float* z, void* dst,
                            int32_t dst_type, int32_t arithmetic, int32_t threads, const volatile int32_t* cancel);

/* D = W' − W for one z, quantised into dst (F16 or BF16 in practice): what t2k_mix sums. */
T2K_API int32_t t2k_delta(const void* src, int32_t src_type, int64_t rows, int64_t cols, const float* basis, const float* z, void* dst,
                          int32_t dst_type, int32_t arithmetic, int32_t threads, const volatile int32_t* cancel);

/* W' = W + Σ alpha[k]·D_k, quantised into dst (K-quants by a shorter search than ggml's). Each deltas[k] holds rows×cols values of delta_type. Without a delta,
   or with every alpha 0, and equal types: a byte copy. */
T2K_API int32_t t2k_mix(const void* src, int32_t src_type, int64_t rows, int64_t cols, int32_t count, const void* const* deltas, int32_t delta_type,
                        const float* alpha, void* dst, int32_t dst_type, int32_t threads, const volatile int32_t* cancel);

/* C[m×n] = A·B, or C += A·B where accumulate is not 0, in fp32 on the caller's thread. A is m×k, or k×m where transpose_a is not 0, its rows lda apart;
 * B is k×n, or n×k where transpose_b is not 0. Operands must not overlap C. Each result sums its k products in order with fused multiply-adds where the CPU
 * has them, so it does not depend on how a caller cuts C into calls. */
T2K_API int32_t t2k_sgemm(int32_t transpose_a, int32_t transpose_b, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
                          int64_t ldb, int32_t accumulate, float* c, int64_t ldc);

/* The same with a B packed once and used often: t2k_sgemm_pack fills t2k_sgemm_packed_length floats, good under the instruction set in use at that time. */
T2K_API int64_t t2k_sgemm_packed_length(int64_t n, int64_t k);
T2K_API int32_t t2k_sgemm_pack(int32_t transpose_b, int64_t n, int64_t k, const float* b, int64_t ldb, float* packed);
T2K_API int32_t t2k_sgemm_packed(int32_t transpose_a, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* packed, int32_t accumulate,
                                 float* c, int64_t ldc);

#ifdef __cplusplus
}
#endif
#endif
