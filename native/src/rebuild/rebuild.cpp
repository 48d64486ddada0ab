// Formula and choice of form: plan.h. Error: that of the destination's quantiser plus at most 0.4 of it from the delta (plan.cpp); for F32 destinations
// fp32 products throughout, 2e-7·rms(z − c)·‖W‖ before the last rounding: 1.08 of that rounding's own error at rms 0.05 and rank 4096, in proportion beyond.
//
// cols ≤ rows (factor V): panels are rows of W; the panel is the A operand and S, packed once, the B operand.
// rows < cols (factor U): panels are columns of W, whole quantisation blocks wide; S is the A operand and the panel, packed by columns, the B operand.
// A panel's fp32 values stay in the second-level cache from dequantisation to quantisation; W' is never in memory in fp32.
// Low-precision forms add each block of the product straight onto c·W. In fp32 that rounding at W's size, once per block, would be most of the error: there the
// delta is summed by itself and added once.
// Rejected: S formed in fp64 (its rounding is below fp32's in the product), one GEMM over the whole matrix (W' would go through memory twice in fp32).
#include "rebuild.h"
#include "../common/aligned.h"
#include "../threads/team.h"
#include "plan.h"
#include <algorithm>
#include <cstring>
#include <memory>

namespace t2k
{
namespace
{
constexpr int64_t kPanelBytes = 768 << 10;        // of a 1 MiB second-level cache
constexpr int64_t kColumnPanelBytes = 3072 << 10; // column panels live in the third level: whole blocks and whole tiles make them wide

struct Context
{
    const KernelTable& kernels;
    const GemmKernels& gemm;
    const RebuildCall& call;
    const Cancellation& cancellation;
    const TypeKernels& src;
    const TypeKernels& dst;
    RebuildPlan plan;
    int64_t rank;
    Team team;

    bool right() const { return call.cols <= call.rows; }
    int64_t active() const { return static_cast<int64_t>(plan.active.size()); }
    const float* vector(int64_t k) const { return call.basis + plan.active[static_cast<size_t>(k)] * rank; }
};

// Pointers to the active basis vectors, in order.
std::vector<const float*> active_vectors(const Context& context)
{
    std::vector<const float*> vectors;
    vectors.reserve(context.plan.active.size());
    for (int64_t k = 0; k < context.active(); ++k)
        vectors.push_back(context.vector(k));
    return vectors;
}

// lanes = coordinates of the vectors, depth = the active vectors: V_k as it multiplies from either side.
PackedOperand pack_by_coordinate(Context& context, Side side, const std::vector<const float*>& vectors, const float* weight)
{
    PackedOperand operand(context.gemm, side, context.plan.arithmetic, context.rank, context.active());
    const int64_t group = std::max<int64_t>(1, 32 / operand.tile_lanes()); // tiles that share cache lines
    context.team.run((operand.tiles() + group - 1) / group, context.cancellation, [&](int64_t task, int) {
        for (int64_t t = task * group; t < std::min(operand.tiles(), (task + 1) * group); ++t)
            operand.pack(context.gemm, t, {vectors.data(), weight, true, 0});
    });
    return operand;
}

// lanes = rows given by pointers, depth along each row.
PackedOperand pack_by_row(Context& context, Side side, const std::vector<const float*>& lanes, int64_t depth)
{
    PackedOperand operand(context.gemm, side, context.plan.arithmetic, static_cast<int64_t>(lanes.size()), depth);
    context.team.run(operand.tiles(), context.cancellation, [&](int64_t t, int) {
        operand.pack(context.gemm, t, {lanes.data() + t * operand.tile_lanes(), nullptr, false, 0});
    });
    return operand;
}

// S = Σ dᵢ·vᵢ·vᵢᵀ, packed. The tiles on and above the diagonal are computed, the rest mirrored.
PackedOperand pack_dense(Context& context, Side side)
{
    const int64_t n = context.rank, mr = context.gemm.mr, nr = context.gemm.nr;
    AlignedBuffer<float> s(n * n);
    {
        const auto vectors = active_vectors(context);
        const PackedOperand a = pack_by_coordinate(context, Side::Left, vectors, context.plan.weight.data());
        const PackedOperand b = pack_by_coordinate(context, Side::Right, vectors, nullptr);
        constexpr int64_t strip = 4; // A tiles per task: tasks differ in length along the triangle
        context.team.run((a.tiles() + strip - 1) / strip, context.cancellation, [&](int64_t task, int) {
            const int64_t first = task * strip, last = std::min(first + strip, a.tiles());
            const int64_t row = first * mr, b_first = row / nr;
            const int64_t rows = std::min(n, last * mr) - row;
            for (int64_t r = row; r < row + rows; ++r)
                std::fill(s.data() + r * n + b_first * nr, s.data() + (r + 1) * n, 0.0f);
            multiply(context.gemm, a, first, last, b, b_first, b.tiles(), s.data() + row * n + b_first * nr, n);
        });
    }
    constexpr int64_t square = 64;
    const int64_t squares = (n + square - 1) / square;
    context.team.run(squares, context.cancellation, [&](int64_t task, int) {
        const int64_t i = squares - 1 - task; // the longest first
        const int64_t r0 = i * square, r1 = std::min(n, r0 + square);
        for (int64_t c0 = 0; c0 <= r0; c0 += square)
            for (int64_t r = r0; r < r1; ++r)
                for (int64_t c = c0; c < std::min(c0 + square, r); ++c)
                    s[r * n + c] = s[c * n + r];
    });
    std::vector<const float*> rows(static_cast<size_t>(n));
    for (int64_t r = 0; r < n; ++r)
        rows[static_cast<size_t>(r)] = s.data() + r * n;
    if (side == Side::Left)
        return pack_by_row(context, side, rows, n);
    PackedOperand operand(context.gemm, side, context.plan.arithmetic, n, n);
    context.team.run(operand.tiles(), context.cancellation, [&](int64_t t, int) { operand.pack(context.gemm, t, {rows.data(), nullptr, true, 0}); });
    return operand;
}

// What the panels are multiplied by: `first` alone (dense), or `first` then `second` (low rank).
struct Factors
{
    PackedOperand first, second;
};

Factors prepare(Context& context)
{
    Factors factors;
    if (context.active() == 0)
        return factors;
    const Side side = context.right() ? Side::Right : Side::Left;
    if (!context.plan.low_rank)
    {
        factors.first = pack_dense(context, side);
        return factors;
    }
    const auto vectors = active_vectors(context);
    factors.first = pack_by_row(context, side, vectors, context.rank);
    factors.second = pack_by_coordinate(context, side, vectors, context.plan.weight.data());
    return factors;
}

// One thread's buffers, made on first use.
struct Scratch
{
    AlignedBuffer<float> panel, middle, delta;
    PackedOperand panel_packed, middle_packed;
    std::vector<const float*> pointers;
};

// Pointers to `count` rows of a buffer, `stride` floats apart.
const float* const* row_pointers(Scratch& scratch, const float* data, int64_t count, int64_t stride)
{
    scratch.pointers.resize(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i)
        scratch.pointers[static_cast<size_t>(i)] = data + i * stride;
    return scratch.pointers.data();
}

// panel ← beta·panel + the product that `add_product` adds onto its argument.
template <class AddProduct>
void combine(const Context& context, Scratch& s, float beta, int64_t count, AddProduct&& add_product)
{
    const GemmKernels& gemm = context.gemm;
    if (context.plan.arithmetic != Arithmetic::F32)
    {
        if (beta != 1)
            gemm.scale(s.panel.data(), beta, count);
        return add_product(s.panel.data());
    }
    if (s.delta.size() == 0)
        s.delta = AlignedBuffer<float>(s.panel.size());
    std::fill_n(s.delta.data(), count, 0.0f);
    add_product(s.delta.data());
    gemm.scale_add(s.panel.data(), beta, s.delta.data(), count);
}

// Bytes of a panel's value: in fp32, packed, and the sum of its delta where that is apart.
int64_t panel_bytes(const Context& context)
{
    switch (context.plan.arithmetic)
    {
    case Arithmetic::F32:
        return 12;
    case Arithmetic::I8:
        return 5;
    default:
        return 6;
    }
}

constexpr int64_t kTurns = 4; // panels per thread that let a thread which was held up be helped out

// The multiple of `unit` up to `most` that takes the least time when `threads` share `total`, panels being computed in whole tiles; of equals the largest that
// leaves every thread kTurns panels.
int64_t panel_size(int64_t total, int64_t unit, int64_t most, int64_t tile, int threads)
{
    int64_t best = unit, best_time = INT64_MAX;
    for (int64_t size = unit; size <= std::max(unit, most); size += unit)
    {
        const int64_t panels = (total + size - 1) / size;
        const int64_t time = (panels + threads - 1) / threads * ((size + tile - 1) / tile * tile);
        if (time <= best_time && (best_time > time || panels >= kTurns * threads))
        {
            best_time = time;
            best = size;
        }
    }
    return best;
}

void rebuild_rows(Context& context, const Factors& factors, float beta)
{
    const RebuildCall& call = context.call;
    const GemmKernels& gemm = context.gemm;
    const int64_t n = call.cols, src_row = context.src.bytes_for(n), dst_row = context.dst.bytes_for(n);
    const int64_t unit = gemm.mr, most = std::clamp<int64_t>(kPanelBytes / (panel_bytes(context) * n), unit, 128);
    const int64_t height = panel_size(call.rows, unit, most, gemm.mr, context.team.size());
    std::vector<Scratch> scratch(static_cast<size_t>(context.team.size()));
    context.team.run((call.rows + height - 1) / height, context.cancellation, [&](int64_t task, int member) {
        Scratch& s = scratch[static_cast<size_t>(member)];
        const int64_t row = task * height, rows = std::min(height, call.rows - row);
        if (s.panel.size() == 0)
            s.panel = AlignedBuffer<float>(height * n);
        context.src.dequantize(call.src + row * src_row, s.panel.data(), rows * n);
        if (context.active() != 0)
        {
            if (s.panel_packed.lanes() != rows)
                s.panel_packed = PackedOperand(gemm, Side::Left, context.plan.arithmetic, rows, n);
            const float* const* lanes = row_pointers(s, s.panel.data(), rows, n);
            for (int64_t t = 0; t < s.panel_packed.tiles(); ++t)
                s.panel_packed.pack(gemm, t, {lanes + t * gemm.mr, nullptr, false, 0});
        }
        combine(context, s, beta, rows * n, [&](float* sum) {
            const int64_t k = context.active();
            if (k == 0)
                return;
            if (!context.plan.low_rank)
                return multiply(gemm, s.panel_packed, 0, s.panel_packed.tiles(), factors.first, 0, factors.first.tiles(), sum, n);
            if (s.middle.size() == 0)
                s.middle = AlignedBuffer<float>(height * k);
            std::fill_n(s.middle.data(), rows * k, 0.0f);
            multiply(gemm, s.panel_packed, 0, s.panel_packed.tiles(), factors.first, 0, factors.first.tiles(), s.middle.data(), k);
            if (s.middle_packed.lanes() != rows)
                s.middle_packed = PackedOperand(gemm, Side::Left, context.plan.arithmetic, rows, k);
            const float* const* lanes = row_pointers(s, s.middle.data(), rows, k);
            for (int64_t t = 0; t < s.middle_packed.tiles(); ++t)
                s.middle_packed.pack(gemm, t, {lanes + t * gemm.mr, nullptr, false, 0});
            multiply(gemm, s.middle_packed, 0, s.middle_packed.tiles(), factors.second, 0, factors.second.tiles(), sum, n);
        });
        context.dst.quantize(s.panel.data(), n, call.dst + row * dst_row, dst_row, rows, n);
    });
}

void rebuild_columns(Context& context, const Factors& factors, float beta)
{
    const RebuildCall& call = context.call;
    const GemmKernels& gemm = context.gemm;
    const int64_t m = call.rows, src_row = context.src.bytes_for(call.cols), dst_row = context.dst.bytes_for(call.cols);
    // Whole blocks of both types (powers of two), at least a B tile wide.
    const int64_t block = std::max(context.src.block_length, context.dst.block_length), unit = (gemm.nr + block - 1) / block * block;
    const int64_t most = std::clamp<int64_t>(kColumnPanelBytes / (panel_bytes(context) * m), unit, 512);
    const int64_t width = panel_size(call.cols, unit, most, gemm.nr, context.team.size());
    std::vector<Scratch> scratch(static_cast<size_t>(context.team.size()));
    context.team.run((call.cols + width - 1) / width, context.cancellation, [&](int64_t task, int member) {
        Scratch& s = scratch[static_cast<size_t>(member)];
        const int64_t column = task * width, columns = std::min(width, call.cols - column);
        if (s.panel.size() == 0)
            s.panel = AlignedBuffer<float>(m * width);
        for (int64_t r = 0; r < m; ++r)
            context.src.dequantize(call.src + r * src_row + context.src.bytes_for(column), s.panel.data() + r * columns, columns);
        if (context.active() != 0)
        {
            if (s.panel_packed.lanes() != columns)
                s.panel_packed = PackedOperand(gemm, Side::Right, context.plan.arithmetic, columns, m);
            const float* const* rows = row_pointers(s, s.panel.data(), m, columns);
            for (int64_t t = 0; t < s.panel_packed.tiles(); ++t)
                s.panel_packed.pack(gemm, t, {rows, nullptr, true, 0});
        }
        combine(context, s, beta, m * columns, [&](float* sum) {
            const int64_t k = context.active();
            if (k == 0)
                return;
            if (!context.plan.low_rank)
                return multiply(gemm, factors.first, 0, factors.first.tiles(), s.panel_packed, 0, s.panel_packed.tiles(), sum, columns);
            if (s.middle.size() == 0)
                s.middle = AlignedBuffer<float>(k * width);
            std::fill_n(s.middle.data(), k * columns, 0.0f);
            multiply(gemm, factors.first, 0, factors.first.tiles(), s.panel_packed, 0, s.panel_packed.tiles(), s.middle.data(), columns);
            if (s.middle_packed.lanes() != columns)
                s.middle_packed = PackedOperand(gemm, Side::Right, context.plan.arithmetic, columns, k);
            const float* const* rows = row_pointers(s, s.middle.data(), k, columns);
            for (int64_t t = 0; t < s.middle_packed.tiles(); ++t)
                s.middle_packed.pack(gemm, t, {rows, nullptr, true, 0});
            multiply(gemm, factors.second, 0, factors.second.tiles(), s.middle_packed, 0, s.middle_packed.tiles(), sum, columns);
        });
        context.dst.quantize(s.panel.data(), columns, call.dst + context.dst.bytes_for(column), dst_row, m, columns);
    });
}
}

void rebuild(const KernelTable& kernels, const RebuildCall& call, const Cancellation& cancellation)
{
    const int64_t rank = std::min(call.rows, call.cols), longer = std::max(call.rows, call.cols);
    Context context{kernels,
                    kernels.gemm,
                    call,
                    cancellation,
                    kernels.type(call.src_type),
                    kernels.type(call.dst_type),
                    plan_rebuild(kernels, call.z, rank, longer, call.dst_type, call.arithmetic),
                    rank,
                    Team(call.threads)};
    if (!call.delta_only && context.active() == 0 && context.plan.center == 1 && call.src_type == call.dst_type)
    {
        std::memcpy(call.dst, call.src, static_cast<size_t>(call.rows * context.src.bytes_for(call.cols)));
        return;
    }
    const float beta = call.delta_only ? context.plan.center - 1 : context.plan.center;
    const Factors factors = prepare(context);
    if (context.right())
        rebuild_rows(context, factors, beta);
    else
        rebuild_columns(context, factors, beta);
}
}
