// Which instruction sets this CPU has, and which one is in use. Order: best first, by measured rebuild speed.
//   avx512bf16  AVX-512 with VNNI and BF16: 32 multiply-adds of 16 bits per instruction, twice the fp32 rate (Zen 4, Sapphire Rapids)
//   avx512      AVX-512 F/BW/DQ/VL: 16-bit products by vpmaddwd + vpaddd
//   avx2        AVX2 + FMA + F16C
//   neon        ARMv8 baseline
//   scalar      whatever the compiler's baseline is; the reference of the others
#include "../common/status.h"
#include "kernel_table.h"
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace t2k
{
namespace
{
std::vector<KernelTable> build_tables()
{
    std::vector<KernelTable> tables;
    const auto add = [&tables](const char* name, auto fill_quantizers, auto fill_gemm, auto fill_dense, auto fill_sgemm) {
        KernelTable table;
        table.name = name;
        fill_quantizers(table.types);
        fill_gemm(table.gemm);
        fill_dense(table.dense);
        fill_sgemm(table.sgemm);
        tables.push_back(table);
    };
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
    if (avx512 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16"))
        add("avx512bf16", fill_quantizers_avx512, fill_gemm_avx512bf16, fill_dense_avx512, fill_sgemm_avx512);
    if (avx512)
        add("avx512", fill_quantizers_avx512, fill_gemm_avx512, fill_dense_avx512, fill_sgemm_avx512);
    if (avx2)
        add("avx2", fill_quantizers_avx2, fill_gemm_avx2, fill_dense_avx2, fill_sgemm_avx2);
#elif defined(__aarch64__)
    add("neon", fill_quantizers_neon, fill_gemm_neon, fill_dense_neon, fill_sgemm_neon);
#endif
    add("scalar", fill_quantizers_scalar, fill_gemm_scalar, fill_dense_scalar, fill_sgemm_scalar);
    return tables;
}

const std::vector<KernelTable>& tables()
{
    static const std::vector<KernelTable> built = build_tables();
    return built;
}

std::atomic<const KernelTable*> forced{nullptr};
}

const TypeKernels& KernelTable::type(int32_t type) const
{
    if (type < 0 || type >= kTypeSlots || types[type].name == nullptr)
        throw Failure(T2K_UNSUPPORTED, "Tensor type " + std::to_string(type) + " is not one this library reads and writes.");
    return types[type];
}

const KernelTable& current_kernels()
{
    const KernelTable* table = forced.load(std::memory_order_acquire);
    return table != nullptr ? *table : tables().front();
}

const KernelTable* kernels_at(int i)
{
    return i >= 0 && i < static_cast<int>(tables().size()) ? &tables()[static_cast<size_t>(i)] : nullptr;
}

void force_kernels(const char* name)
{
    const KernelTable* found = nullptr;
    if (name != nullptr)
    {
        for (const KernelTable& table : tables())
            if (std::strcmp(table.name, name) == 0)
                found = &table;
        if (found == nullptr)
            throw Failure(T2K_INVALID, std::string("This CPU has no instruction set '") + name + "' that the library was built for.");
    }
    forced.store(found, std::memory_order_release);
}
}
