// What the registers can do, without memory: 12 independent chains of the widest multiply-add this CPU has.
#include "bench.h"
#include <cstring>

#if defined(__x86_64__)
namespace
{
#define T2_CLOBBER "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define T2_CHAINS(one) one(0) one(1) one(2) one(3) one(4) one(5) one(6) one(7) one(8) one(9) one(10) one(11)
#define T2_FMA512(x) "vfmadd231ps %%zmm14,%%zmm15,%%zmm" #x "\n"
#define T2_DOT512(x) "vpdpwssd %%zmm14,%%zmm15,%%zmm" #x "\n"
#define T2_BYTES512(x) "vpdpbusd %%zmm14,%%zmm15,%%zmm" #x "\n"
#define T2_FMA256(x) "vfmadd231ps %%ymm14,%%ymm15,%%ymm" #x "\n"
#define T2_DOT256(x) "vpmaddwd %%ymm14,%%ymm15,%%ymm13\n vpaddd %%ymm13,%%ymm" #x ",%%ymm" #x "\n"
constexpr int kRounds = 400000;

template <class Loop>
double rate(double flops, Loop loop)
{
    double best = 0;
    for (int r = 0; r < 5; ++r)
        best = std::max(best, 12.0 * kRounds * flops / seconds(loop) / 1e9);
    return best;
}
}

Peak measure_peak()
{
    Peak peak{};
    const bool wide = std::strncmp(t2k_isa(), "avx512", 6) == 0;
    if (std::strcmp(t2k_isa(), "avx512bf16") == 0)
    {
        peak.dot16 = rate(64, [] {
            for (int i = 0; i < kRounds; ++i)
                asm volatile("vpxord %%zmm15,%%zmm15,%%zmm15\n" T2_CHAINS(T2_DOT512)::: T2_CLOBBER);
        });
        peak.dot8 = rate(128, [] {
            for (int i = 0; i < kRounds; ++i)
                asm volatile("vpxord %%zmm15,%%zmm15,%%zmm15\n" T2_CHAINS(T2_BYTES512)::: T2_CLOBBER);
        });
    }
    else if (std::strcmp(t2k_isa(), "scalar") != 0)
        peak.dot16 = rate(32, [] {
            for (int i = 0; i < kRounds; ++i)
                asm volatile("vpxor %%xmm15,%%xmm15,%%xmm15\n" T2_CHAINS(T2_DOT256)::: T2_CLOBBER);
        });
    if (wide)
        peak.fp32 = rate(32, [] {
            for (int i = 0; i < kRounds; ++i)
                asm volatile("vpxord %%zmm15,%%zmm15,%%zmm15\n" T2_CHAINS(T2_FMA512)::: T2_CLOBBER);
        });
    else if (std::strcmp(t2k_isa(), "scalar") != 0)
        peak.fp32 = rate(16, [] {
            for (int i = 0; i < kRounds; ++i)
                asm volatile("vpxor %%xmm15,%%xmm15,%%xmm15\n" T2_CHAINS(T2_FMA256)::: T2_CLOBBER);
        });
    return peak;
}
#else
Peak measure_peak()
{
    return {};
}
#endif
