// t2k_bench [factor|rebuild|mix|all] [--model qwen2.5-0.5b|llama-3.2-1b|llama-3-8b] [--threads N] [--repetitions N] [--isa NAME[,NAME]]
//           [--types NAME[,NAME]] [--z SPREAD[,SPREAD]] [--arithmetic auto|fp32|int16|bf16|int8]
//
// Baselines are taken from the system at run time: OpenBLAS (libopenblas.so.0, or T2_OPENBLAS) and ggml (T2_GGML_BASE). Without them their columns are empty.
#include "bench.h"
#include <cstring>
#include <sstream>
#include <utility>

namespace
{
int32_t arithmetic_named(const std::string& name)
{
    constexpr std::pair<const char*, int32_t> known[] = {
        {"auto", T2K_AUTO}, {"fp32", T2K_FP32}, {"int16", T2K_INT16}, {"bf16", T2K_BF16}, {"int8", T2K_INT8}};
    for (const auto& [known_name, value] : known)
        if (name == known_name)
            return value;
    throw std::runtime_error("--arithmetic '" + name + "' is none of auto, fp32, int16, bf16, int8.");
}
}

int main(int argc, char** argv)
{
    Options options;
    std::string what = "all";
    std::vector<std::string> isas;
    try
    {
        for (int i = 1; i < argc; ++i)
        {
            const std::string argument = argv[i];
            const auto value = [&] {
                if (i + 1 >= argc)
                    throw std::runtime_error(argument + " needs a value.");
                return std::string(argv[++i]);
            };
            if (argument == "--model")
                options.model = value();
            else if (argument == "--threads")
                options.threads = std::stoi(value());
            else if (argument == "--repetitions")
                options.repetitions = std::stoi(value());
            else if (argument == "--isa")
            {
                std::stringstream list(value());
                for (std::string name; std::getline(list, name, ',');)
                    isas.push_back(name);
            }
            else if (argument == "--types")
            {
                std::stringstream list(value());
                for (std::string name; std::getline(list, name, ',');)
                    options.types.push_back(name);
            }
            else if (argument == "--z")
            {
                options.spreads.clear();
                std::stringstream list(value());
                for (std::string spread; std::getline(list, spread, ',');)
                    options.spreads.push_back(std::stod(spread));
            }
            else if (argument == "--arithmetic")
                options.arithmetic = arithmetic_named(value());
            else
                what = argument;
        }
        if (isas.empty())
            isas.push_back(t2k_isa());
        std::printf("# %s, %d threads, %d repetitions, medians; OpenBLAS: %s; ggml: %s\n", options.model.c_str(), options.threads, options.repetitions,
                    openblas().path.empty() ? "absent" : openblas().path.c_str(), ggml_quantize() != nullptr ? "present" : "absent");
        if (what == "factor" || what == "all")
            bench_factor(options);
        if (what == "rebuild" || what == "all")
            bench_rebuild(options, isas);
        if (what == "mix" || what == "all")
            bench_mix(options);
        return 0;
    }
    catch (const std::exception& error)
    {
        std::fprintf(stderr, "t2k_bench: %s\n", error.what());
        return 1;
    }
}
