#include "gemm64.h"
#include <algorithm>
#include <vector>

namespace t2k
{
namespace
{
constexpr int64_t kDepth = 192;    // a B tile of 192×24 doubles is 36 KiB
constexpr int64_t kHeight = 96;    // rows of a packed A panel: 144 KiB
constexpr int64_t kWidth = 4096;   // columns packed at a time: 6 MiB

void pack(const DenseKernels& kernels, const View& view, bool by_rows, int64_t lane, int64_t depth_first, int lanes, int valid, int64_t depth, double* out)
{
    const int64_t lane_stride = by_rows ? view.row : view.column, depth_stride = by_rows ? view.column : view.row;
    const int64_t offset = lane * lane_stride + depth_first * depth_stride;
    if (view.f64 != nullptr)
        kernels.pack(view.f64 + offset, lane_stride, depth_stride, lanes, valid, depth, out);
    else
        kernels.pack_from_f32(view.f32 + offset, lane_stride, depth_stride, lanes, valid, depth, out);
}
}

void Gemm64::multiply(int64_t rows, int64_t columns, int64_t depth, double alpha, View a, View b, double* c, int64_t ldc, bool upper_only) const
{
    if (rows <= 0 || columns <= 0 || depth <= 0)
        return;
    const int64_t mr = kernels.mr, nr = kernels.nr, height = kHeight / mr * mr;
    AlignedBuffer<double> packed_b(std::min(kDepth, depth) * ((std::min(kWidth, columns) + nr - 1) / nr * nr));
    std::vector<AlignedBuffer<double>> packed_a(static_cast<size_t>(team.size()));
    for (int64_t j0 = 0; j0 < columns; j0 += kWidth)
        for (int64_t d0 = 0; d0 < depth; d0 += kDepth)
        {
            const int64_t width = std::min(kWidth, columns - j0), deep = std::min(kDepth, depth - d0), b_tiles = (width + nr - 1) / nr;
            team.run(b_tiles, cancellation, [&](int64_t t, int) {
                pack(kernels, b, false, j0 + t * nr, d0, static_cast<int>(nr), static_cast<int>(std::min(nr, width - t * nr)), deep,
                     packed_b.data() + t * nr * deep);
            });
            team.run((rows + height - 1) / height, cancellation, [&](int64_t panel, int member) {
                const int64_t i0 = panel * height, tall = std::min(height, rows - i0), a_tiles = (tall + mr - 1) / mr;
                if (upper_only && j0 + width <= i0)
                    return;
                AlignedBuffer<double>& buffer = packed_a[static_cast<size_t>(member)];
                if (buffer.size() == 0)
                    buffer = AlignedBuffer<double>(height * std::min(kDepth, depth) + mr * nr);
                double* const edge = buffer.data() + height * std::min(kDepth, depth);
                for (int64_t t = 0; t < a_tiles; ++t)
                    pack(kernels, a, true, i0 + t * mr, d0, static_cast<int>(mr), static_cast<int>(std::min(mr, tall - t * mr)), deep,
                         buffer.data() + t * mr * deep);
                for (int64_t bt = 0; bt < b_tiles; ++bt)
                    for (int64_t at = 0; at < a_tiles; ++at)
                    {
                        const int64_t i = i0 + at * mr, j = j0 + bt * nr;
                        if (upper_only && j + nr <= i)
                            continue;
                        const int64_t high = std::min(mr, rows - i), wide = std::min(nr, columns - j);
                        const double* const left = buffer.data() + at * mr * deep;
                        const double* const right = packed_b.data() + bt * nr * deep;
                        if (high == mr && wide == nr)
                        {
                            kernels.tile(deep, alpha, left, right, c + i * ldc + j, ldc);
                            continue;
                        }
                        std::fill_n(edge, mr * nr, 0.0);
                        kernels.tile(deep, alpha, left, right, edge, nr);
                        for (int64_t r = 0; r < high; ++r)
                            for (int64_t q = 0; q < wide; ++q)
                                c[(i + r) * ldc + j + q] += edge[r * nr + q];
                    }
            });
        }
}
}
