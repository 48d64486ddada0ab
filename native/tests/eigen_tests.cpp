// The symmetric eigen-solver by itself, in fp64: what the fp32 basis of the ABI is too coarse to show.
#include "dispatch/kernel_table.h"
#include "factorize/divide_and_conquer.h"
#include "testing.h"
#include <algorithm>

namespace
{
struct Tridiagonal
{
    std::string name;
    std::vector<double> d, e;
};

std::vector<Tridiagonal> matrices()
{
    std::vector<Tridiagonal> all;
    const auto add = [&all](const std::string& name, int64_t n, auto diagonal, auto coupling) {
        Tridiagonal t{name + " of " + std::to_string(n), {}, {}};
        for (int64_t i = 0; i < n; ++i)
        {
            t.d.push_back(diagonal(i));
            t.e.push_back(coupling(i));
        }
        all.push_back(std::move(t));
    };
    Random random(3);
    for (const int64_t n : {33, 64, 65, 200})
    {
        const double half = static_cast<double>(n - 1) / 2;
        add("random", n, [&](int64_t) { return random.normal(); }, [&](int64_t) { return random.normal(); });
        add("toeplitz", n, [](int64_t) { return 2.0; }, [](int64_t) { return -1.0; });
        add("wilkinson", n, [&](int64_t i) { return std::fabs(static_cast<double>(i) - half); }, [](int64_t) { return 1.0; });
        add("glued wilkinson", n, [](int64_t i) { return std::fabs(static_cast<double>(i % 21 - 10)); }, [](int64_t i) { return i % 21 == 20 ? 1e-9 : 1.0; });
        add("weakly coupled", n, [](int64_t) { return 1.0; }, [&](int64_t) { return 1e-9 * random.normal(); });
        add("graded", n, [](int64_t i) { return std::pow(0.8, static_cast<double>(i)); }, [](int64_t i) { return 0.3 * std::pow(0.8, static_cast<double>(i)); });
        add("zero", n, [](int64_t) { return 0.0; }, [](int64_t) { return 0.0; });
    }
    return all;
}
}

TEST(eigen, vectors_are_orthogonal_and_solve_the_problem_to_working_precision)
{
    for (const Tridiagonal& t : matrices())
    {
        const auto n = static_cast<int64_t>(t.d.size());
        double norm = 1e-300;
        for (int64_t i = 0; i < n; ++i)
            norm = std::max({norm, std::fabs(t.d[static_cast<size_t>(i)]), std::fabs(t.e[static_cast<size_t>(i)])});
        for (int isa = 0; const t2k::KernelTable* table = t2k::kernels_at(isa); ++isa)
        {
            t2k::Team team(2);
            const t2k::Cancellation never(nullptr);
            const t2k::Gemm64 gemm{table->dense, team, never};
            auto d = t.d, e = t.e;
            std::vector<double> vectors(static_cast<size_t>(n * n));
            t2k::solve_tridiagonal(gemm, n, d.data(), e.data(), vectors.data());
            const double bound = 1e-15 * static_cast<double>(n);
            for (int64_t i = 0; i < n; ++i)
            {
                const double* v = vectors.data() + i * n;
                for (int64_t j = i; j < n; ++j)
                {
                    double dot = 0;
                    for (int64_t k = 0; k < n; ++k)
                        dot += v[k] * vectors[static_cast<size_t>(j * n + k)];
                    CHECK(std::fabs(dot - (i == j)) <= bound, table->name << ", " << t.name << ": vectors " << i << " and " << j << " give " << dot);
                }
                for (int64_t k = 0; k < n; ++k)
                {
                    const auto at = static_cast<size_t>(k);
                    const double product = t.d[at] * v[k] + (k > 0 ? t.e[at - 1] * v[k - 1] : 0) + (k + 1 < n ? t.e[at] * v[k + 1] : 0);
                    CHECK(std::fabs(product - d[static_cast<size_t>(i)] * v[k]) <= bound * norm, table->name << ", " << t.name << ": residual of " << i);
                }
            }
        }
    }
}
