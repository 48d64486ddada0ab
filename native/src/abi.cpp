// The C ABI: arguments are checked here, once; every exception stops here and becomes a status and a sentence.
#include "common/status.h"
#include "common/workspace.h"
#include "dispatch/kernel_table.h"
#include "factorize/factorize.h"
#include "mix/mix.h"
#include "rebuild/rebuild.h"
#include "sgemm/sgemm.h"
#include "threads/team.h"
#include "t2kernels.h"
#include <algorithm>
#include <new>
#include <string>

using namespace t2k;

namespace
{
thread_local std::string last_error;

void remember(const char* message) noexcept
{
    try
    {
        last_error = message;
    }
    catch (...)
    {
        last_error.clear();
    }
}

template <class Body>
int32_t guarded(Body&& body) noexcept
{
    try
    {
        body();
        return T2K_OK;
    }
    catch (const Failure& failure)
    {
        remember(failure.what());
        return failure.status;
    }
    catch (const std::bad_alloc&)
    {
        remember("Not enough memory for the workspace.");
        return T2K_NO_MEMORY;
    }
    catch (const std::exception& exception)
    {
        remember(exception.what());
        return T2K_INTERNAL;
    }
    catch (...)
    {
        remember("An unknown error.");
        return T2K_INTERNAL;
    }
}

void require(bool condition, const char* what)
{
    if (!condition)
        throw Failure(T2K_INVALID, what);
}

void require_shape(int64_t rows, int64_t cols)
{
    constexpr int64_t most = int64_t{1} << 31;
    if (rows < 1 || cols < 1 || rows >= most || cols >= most || rows > (int64_t{1} << 40) / cols)
        throw Failure(T2K_INVALID, "A matrix of " + std::to_string(rows) + "×" + std::to_string(cols) + " is out of range.");
}

void require_blocks(const TypeKernels& type, int64_t cols)
{
    if (cols % type.block_length != 0)
        throw Failure(T2K_INVALID, "Rows of " + std::to_string(cols) + " values are not whole blocks of " + type.name + ".");
}

int checked_threads(int32_t threads)
{
    require(threads >= 1, "threads must be at least 1.");
    return std::min(threads, 1024);
}

void rebuild_checked(const void* src, int32_t src_type, int64_t rows, int64_t cols, const float* basis, const float* z, void* dst, int32_t dst_type,
                     int32_t arithmetic, int32_t threads, const volatile int32_t* cancel, bool delta_only)
{
    require(src != nullptr && basis != nullptr && z != nullptr && dst != nullptr, "src, basis, z and dst must not be null.");
    require_shape(rows, cols);
    const KernelTable& kernels = current_kernels();
    require_blocks(kernels.type(src_type), cols);
    require_blocks(kernels.type(dst_type), cols);
    rebuild(kernels,
            {static_cast<const uint8_t*>(src), src_type, rows, cols, basis, z, static_cast<uint8_t*>(dst), dst_type, arithmetic, checked_threads(threads),
             delta_only},
            Cancellation(cancel));
}

SgemmMatrix checked_operand(const float* data, int64_t ld, int32_t transposed, int64_t rows, int64_t cols, const char* what)
{
    require_shape(rows, cols);
    if (data == nullptr || ld < (transposed != 0 ? rows : cols))
        throw Failure(T2K_INVALID, std::string(what) + " is null, or its rows overlap.");
    return {data, ld, transposed != 0};
}
}

extern "C"
{
int32_t t2k_abi_version(void)
{
    return T2K_ABI_VERSION;
}

const char* t2k_last_error(void)
{
    return last_error.c_str();
}

const char* t2k_isa(void)
{
    return current_kernels().name;
}

const char* t2k_isa_at(int32_t i)
{
    const KernelTable* table = kernels_at(i);
    return table != nullptr ? table->name : nullptr;
}

int32_t t2k_set_isa(const char* name)
{
    return guarded([&] { force_kernels(name); });
}

int64_t t2k_release_workspaces(void)
{
    return static_cast<int64_t>(release_workspaces());
}

int32_t t2k_type_info(int32_t type, int32_t* block_length, int32_t* block_bytes)
{
    return guarded([&] {
        require(block_length != nullptr && block_bytes != nullptr, "block_length and block_bytes must not be null.");
        const TypeKernels& kernels = current_kernels().type(type);
        *block_length = kernels.block_length;
        *block_bytes = kernels.block_bytes;
    });
}

int32_t t2k_dequantize(int32_t type, const void* src, int64_t rows, int64_t cols, float* dst, int32_t threads)
{
    return guarded([&] {
        require(src != nullptr && dst != nullptr, "src and dst must not be null.");
        require_shape(rows, cols);
        const TypeKernels& kernels = current_kernels().type(type);
        require_blocks(kernels, cols);
        Team team(checked_threads(threads));
        team.run(rows, Cancellation(nullptr), [&](int64_t row, int) {
            kernels.dequantize(static_cast<const uint8_t*>(src) + row * kernels.bytes_for(cols), dst + row * cols, cols);
        });
    });
}

int32_t t2k_quantize(int32_t type, const float* src, int64_t rows, int64_t cols, void* dst, int32_t threads)
{
    return guarded([&] {
        require(src != nullptr && dst != nullptr, "src and dst must not be null.");
        require_shape(rows, cols);
        const TypeKernels& kernels = current_kernels().type(type);
        require_blocks(kernels, cols);
        Team team(checked_threads(threads));
        const int64_t bytes = kernels.bytes_for(cols), step = std::max<int64_t>(1, 65536 / cols);
        team.run((rows + step - 1) / step, Cancellation(nullptr), [&](int64_t task, int) {
            const int64_t row = task * step;
            kernels.quantize(src + row * cols, cols, static_cast<uint8_t*>(dst) + row * bytes, bytes, std::min(step, rows - row), cols);
        });
    });
}

int64_t t2k_factorize_bytes(int64_t rows, int64_t cols, int32_t threads)
{
    return factorize_bytes(rows, cols, threads);
}

int32_t t2k_factorize(const float* weight, int64_t rows, int64_t cols, double* sigma, float* basis, int32_t threads, const volatile int32_t* cancel)
{
    return guarded([&] {
        require(weight != nullptr && sigma != nullptr && basis != nullptr, "weight, sigma and basis must not be null.");
        require_shape(rows, cols);
        factorize(current_kernels(), weight, rows, cols, sigma, basis, checked_threads(threads), Cancellation(cancel));
    });
}

int32_t t2k_rebuild(const void* src, int32_t src_type, int64_t rows, int64_t cols, const float* basis, const float* z, void* dst, int32_t dst_type,
                    int32_t arithmetic, int32_t threads, const volatile int32_t* cancel)
{
    return guarded([&] { rebuild_checked(src, src_type, rows, cols, basis, z, dst, dst_type, arithmetic, threads, cancel, false); });
}

int32_t t2k_delta(const void* src, int32_t src_type, int64_t rows, int64_t cols, const float* basis, const float* z, void* dst, int32_t dst_type,
                  int32_t arithmetic, int32_t threads, const volatile int32_t* cancel)
{
    return guarded([&] { rebuild_checked(src, src_type, rows, cols, basis, z, dst, dst_type, arithmetic, threads, cancel, true); });
}

int32_t t2k_mix(const void* src, int32_t src_type, int64_t rows, int64_t cols, int32_t count, const void* const* deltas, int32_t delta_type,
                const float* alpha, void* dst, int32_t dst_type, int32_t threads, const volatile int32_t* cancel)
{
    return guarded([&] {
        require(src != nullptr && dst != nullptr, "src and dst must not be null.");
        require(count >= 0 && (count == 0 || (deltas != nullptr && alpha != nullptr)), "deltas and alpha must not be null where count is positive.");
        for (int32_t k = 0; k < count; ++k)
            require(deltas[k] != nullptr, "No delta may be null.");
        require_shape(rows, cols);
        const KernelTable& kernels = current_kernels();
        require_blocks(kernels.type(src_type), cols);
        require_blocks(kernels.type(dst_type), cols);
        mix(kernels,
            {static_cast<const uint8_t*>(src), src_type, rows, cols, count, deltas, delta_type, alpha, static_cast<uint8_t*>(dst), dst_type,
             checked_threads(threads)},
            Cancellation(cancel));
    });
}

int32_t t2k_sgemm(int32_t transpose_a, int32_t transpose_b, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                  int32_t accumulate, float* c, int64_t ldc)
{
    return guarded([&] {
        const SgemmMatrix left = checked_operand(a, lda, transpose_a, m, k, "a"), right = checked_operand(b, ldb, transpose_b, k, n, "b");
        checked_operand(c, ldc, 0, m, n, "c");
        sgemm(current_kernels(), m, n, k, left, right, accumulate != 0, c, ldc);
    });
}

int64_t t2k_sgemm_packed_length(int64_t n, int64_t k)
{
    return sgemm_packed_length(current_kernels(), n, k);
}

int32_t t2k_sgemm_pack(int32_t transpose_b, int64_t n, int64_t k, const float* b, int64_t ldb, float* packed)
{
    return guarded([&] {
        require(packed != nullptr, "packed must not be null.");
        sgemm_pack(current_kernels(), n, k, checked_operand(b, ldb, transpose_b, k, n, "b"), packed);
    });
}

int32_t t2k_sgemm_packed(int32_t transpose_a, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* packed, int32_t accumulate,
                         float* c, int64_t ldc)
{
    return guarded([&] {
        const SgemmMatrix left = checked_operand(a, lda, transpose_a, m, k, "a");
        require(packed != nullptr, "packed must not be null.");
        checked_operand(c, ldc, 0, m, n, "c");
        sgemm_packed(current_kernels(), m, n, k, left, packed, accumulate != 0, c, ldc);
    });
}
}
