// Plain fp32 products against sums in fp64.
#include "testing.h"
#include <algorithm>
#include <cstring>

namespace
{
struct Shape
{
    int64_t m, n, k;
};

const std::vector<Shape> kShapes{{1, 1, 1}, {2, 3, 5}, {12, 32, 256}, {13, 33, 257}, {6, 16, 300}, {96, 64, 40}, {7, 530, 9}, {29, 77, 513}};

// |error| of a chain of k fused multiply-adds is at most k·2⁻²⁴·Σ|a||b|.
void check(const std::vector<float>& c, int64_t ldc, const Shape& s, const std::vector<double>& expected, const std::vector<double>& bound, const char* what)
{
    for (int64_t i = 0; i < s.m; ++i)
        for (int64_t j = 0; j < ldc; ++j)
            if (j < s.n)
                CHECK(std::fabs(c[i * ldc + j] - expected[i * s.n + j]) <= bound[i * s.n + j],
                      what << " " << s.m << "x" << s.n << "x" << s.k << " at " << i << "," << j << ": " << c[i * ldc + j] << " against " << expected[i * s.n + j]);
            else
                CHECK(c[i * ldc + j] == -77.0f, what << ": wrote beyond its columns");
}
}

TEST(sgemm, multiplies_every_shape_and_orientation)
{
    for (const Shape& s : kShapes)
        for (int orientation = 0; orientation < 8; ++orientation)
        {
            const bool ta = orientation & 1, tb = orientation & 2, accumulate = orientation & 4;
            const int64_t lda = (ta ? s.m : s.k) + 3, ldb = (tb ? s.k : s.n) + 2, ldc = s.n + 4;
            const auto a = normal_values((ta ? s.k : s.m) * lda, 1), b = normal_values((tb ? s.n : s.k) * ldb, 2), start = normal_values(s.m * ldc, 3);
            std::vector<double> expected(static_cast<size_t>(s.m * s.n)), bound(expected.size());
            for (int64_t i = 0; i < s.m; ++i)
                for (int64_t j = 0; j < s.n; ++j)
                {
                    double sum = accumulate ? start[i * ldc + j] : 0, size = std::fabs(sum);
                    for (int64_t p = 0; p < s.k; ++p)
                    {
                        const double product = static_cast<double>(ta ? a[p * lda + i] : a[i * lda + p]) * (tb ? b[j * ldb + p] : b[p * ldb + j]);
                        sum += product;
                        size += std::fabs(product);
                    }
                    expected[i * s.n + j] = sum;
                    bound[i * s.n + j] = (s.k + 1) * 0x1.0p-23 * size;
                }
            for_each_isa([&](const std::string& isa) {
                std::vector<float> c(start);
                const auto clear_margin = [&] {
                    c = start;
                    for (int64_t i = 0; i < s.m; ++i)
                        for (int64_t j = s.n; j < ldc; ++j)
                            c[i * ldc + j] = -77.0f;
                };
                clear_margin();
                CHECK(t2k_sgemm(ta, tb, s.m, s.n, s.k, a.data(), lda, b.data(), ldb, accumulate, c.data(), ldc) == T2K_OK, t2k_last_error());
                check(c, ldc, s, expected, bound, isa.c_str());
                const std::vector<float> direct(c);
                std::vector<float> packed(static_cast<size_t>(t2k_sgemm_packed_length(s.n, s.k)));
                CHECK(t2k_sgemm_pack(tb, s.n, s.k, b.data(), ldb, packed.data()) == T2K_OK, t2k_last_error());
                clear_margin();
                CHECK(t2k_sgemm_packed(ta, s.m, s.n, s.k, a.data(), lda, packed.data(), accumulate, c.data(), ldc) == T2K_OK, t2k_last_error());
                CHECK(std::memcmp(c.data(), direct.data(), c.size() * sizeof(float)) == 0, "packed and plain differ, " << isa);
            });
        }
}

TEST(sgemm, results_do_not_depend_on_where_c_is_cut)
{
    const Shape s{50, 90, 300};
    const auto a = normal_values(s.m * s.k, 1), b = normal_values(s.k * s.n, 2);
    for_each_isa([&](const std::string&) {
        std::vector<float> whole(static_cast<size_t>(s.m * s.n)), parts(whole.size());
        CHECK(t2k_sgemm(0, 0, s.m, s.n, s.k, a.data(), s.k, b.data(), s.n, 0, whole.data(), s.n) == T2K_OK, t2k_last_error());
        for (int64_t row = 0; row < s.m; row += 7)
            for (int64_t column = 0; column < s.n; column += 41)
                CHECK(t2k_sgemm(0, 0, std::min<int64_t>(7, s.m - row), std::min<int64_t>(41, s.n - column), s.k, a.data() + row * s.k, s.k, b.data() + column,
                                s.n, 0, parts.data() + row * s.n + column, s.n) == T2K_OK,
                      t2k_last_error());
        CHECK(whole == parts, "results depend on the cut");
    });
}

TEST(sgemm, refuses_what_does_not_fit)
{
    float x[16] = {};
    CHECK(t2k_sgemm(0, 0, 0, 1, 1, x, 1, x, 1, 0, x, 1) == T2K_INVALID, "no rows");
    CHECK(t2k_sgemm(0, 0, 2, 2, 2, x, 1, x, 2, 0, x, 2) == T2K_INVALID, "overlapping rows of a");
    CHECK(t2k_sgemm(0, 0, 2, 2, 2, x, 2, nullptr, 2, 0, x, 2) == T2K_INVALID, "no b");
    CHECK(t2k_sgemm_packed(0, 1, 1, 1, x, 1, x, 0, x + 1, 1) == T2K_INVALID, "not packed");
}
