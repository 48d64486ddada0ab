#include "bench.h"
#include <cstdlib>
#include <dlfcn.h>

namespace
{
template <class F>
void bind(void* library, const char* name, F& target)
{
    target = reinterpret_cast<F>(dlsym(library, name));
}
}

const OpenBlas& openblas()
{
    static const OpenBlas loaded = [] {
        OpenBlas blas;
        const char* forced = std::getenv("T2_OPENBLAS");
        for (const char* name : {forced, "libopenblas.so.0", "libopenblas.so"})
        {
            void* library = name != nullptr ? dlopen(name, RTLD_NOW | RTLD_LOCAL) : nullptr;
            if (library == nullptr)
                continue;
            blas.path = name;
            bind(library, "openblas_set_num_threads", blas.set_threads);
            bind(library, "cblas_sgemm", blas.sgemm);
            bind(library, "cblas_dgemm", blas.dgemm);
            bind(library, "cblas_dsyrk", blas.dsyrk);
            bind(library, "sgesdd_", blas.sgesdd);
            bind(library, "dgesdd_", blas.dgesdd);
            bind(library, "dsyevd_", blas.dsyevd);
            break;
        }
        return blas;
    }();
    return loaded;
}

GgmlQuantize ggml_quantize()
{
    static const GgmlQuantize loaded = [] {
        const char* forced = std::getenv("T2_GGML_BASE");
        void* library = dlopen(forced != nullptr ? forced : T2_GGML_BASE, RTLD_NOW | RTLD_LOCAL);
        return library != nullptr ? reinterpret_cast<GgmlQuantize>(dlsym(library, "ggml_quantize_chunk")) : nullptr;
    }();
    return loaded;
}

const ModelShape& model_shape(const std::string& name)
{
    static const std::vector<ModelShape> models{
        {"qwen2.5-0.5b", 24, {{"q,o", 896, 896, 2}, {"k,v", 128, 896, 2}, {"gate,up", 4864, 896, 2}, {"down", 896, 4864, 1}}},
        {"llama-3.2-1b", 16, {{"q,o", 2048, 2048, 2}, {"k,v", 512, 2048, 2}, {"gate,up", 8192, 2048, 2}, {"down", 2048, 8192, 1}}},
        {"llama-3-8b", 32, {{"q,o", 4096, 4096, 2}, {"k,v", 1024, 4096, 2}, {"gate,up", 14336, 4096, 2}, {"down", 4096, 14336, 1}}},
    };
    for (const ModelShape& model : models)
        if (model.name == name)
            return model;
    throw std::runtime_error("Unknown model shape '" + name + "'; known: qwen2.5-0.5b, llama-3.2-1b, llama-3-8b.");
}

std::vector<float> trained_like(int64_t rows, int64_t cols, unsigned seed)
{
    auto w = normal_values(rows * cols, seed, 0.02f);
    const auto column = normal_values(cols, seed + 1, 0.3f);
    for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < cols; ++j)
            w[static_cast<size_t>(i * cols + j)] *= std::exp(column[static_cast<size_t>(j)]);
    for (unsigned k = 0; k < 6; ++k)
    {
        const auto u = normal_values(rows, seed + 10 + 2 * k, 1), v = normal_values(cols, seed + 11 + 2 * k, 1);
        const float strength = 0.02f / static_cast<float>(k + 1);
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t j = 0; j < cols; ++j)
                w[static_cast<size_t>(i * cols + j)] += strength * u[static_cast<size_t>(i)] * v[static_cast<size_t>(j)];
    }
    return w;
}
