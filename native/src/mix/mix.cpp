// Layout: tensors are taken as one run of blocks; a task is a run of chunks whose fp32 values stay in the first-level cache while W is dequantised, every delta
// added in fp32, and the sum quantised. Traffic per value: source + count·delta + destination bytes, each read or written once.
//   - While one chunk is computed the next ones are fetched (kAhead): a chunk's arithmetic takes longer than its memory, and neither may wait for the other.
//   - Large destinations are written past the caches, in whole lines: a line that is written through them is read first.
// Error: the deltas' own rounding (bf16: 1.7e-3 of each delta) and the destination's, whose K-quants take a short search here (fast_search.h: at most 1.02 of
// the full search's error at a quarter to a fifth of its time, which was 20 times the memory's).
#include "mix.h"
#include "../threads/team.h"
#include <algorithm>
#include <cstring>

namespace t2k
{
namespace
{
constexpr int64_t kLine = 64, kAhead = 1024; // bytes
constexpr int64_t kStreamed = 4 << 20;       // bytes of a destination that no cache should hold

// Brings [from, to) near, as far as it was not asked for before.
class Fetcher
{
public:
    void fetch(const uint8_t* from, const uint8_t* to)
    {
        if (next_ < from)
            next_ = from;
        for (; next_ < to; next_ += kLine)
            __builtin_prefetch(next_);
    }

private:
    const uint8_t* next_ = nullptr;
};

// Values a task takes: an eighth of a thread's share, so that none waits long for the last task (at 512 chunks a task, a layer of Qwen2.5-0.5B kept four threads
// busy for 85 % of the time, at this length for 97 %), and enough that tasks begin seldom.
int64_t run_length(int64_t total, int64_t chunk, int64_t threads)
{
    const int64_t step = 4 * chunk, share = (total / (8 * threads) + step - 1) / step * step;
    return std::clamp(share, 16 * chunk, 128 * chunk);
}

// Bytes on their way to memory: whole lines go out as soon as they are complete.
class Writer
{
public:
    Writer(const KernelTable& kernels, uint8_t* to, bool streamed) : gemm_(kernels.gemm), streamed_(streamed && gemm_.stream != nullptr), to_(to) {}

    // Where the next `bytes` bytes may be put.
    uint8_t* space() { return streamed_ ? held_ + filled_ : to_; }

    void put(int64_t bytes)
    {
        if (!streamed_)
        {
            to_ += bytes;
            return;
        }
        filled_ += bytes;
        // Up to the first whole line by ordinary stores.
        const int64_t head = std::min(filled_, -static_cast<int64_t>(reinterpret_cast<uintptr_t>(to_) % kLine) & (kLine - 1));
        const int64_t lines = (filled_ - head) / kLine * kLine;
        std::memcpy(to_, held_, static_cast<size_t>(head));
        gemm_.stream(held_ + head, to_ + head, lines);
        to_ += head + lines;
        filled_ -= head + lines;
        std::memmove(held_, held_ + head + lines, static_cast<size_t>(filled_));
    }

    ~Writer()
    {
        std::memcpy(to_, held_, static_cast<size_t>(filled_));
        if (streamed_)
            gemm_.stream_end();
    }

    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    static constexpr int64_t kMost = 2048; // bytes put at a time

private:
    const GemmKernels& gemm_;
    const bool streamed_;
    uint8_t* to_;
    int64_t filled_ = 0;
    alignas(64) uint8_t held_[kMost + kLine];
};
}

void mix(const KernelTable& kernels, const MixCall& call, const Cancellation& cancellation)
{
    const TypeKernels& src = kernels.type(call.src_type);
    const TypeKernels& dst = kernels.type(call.dst_type);
    if (call.delta_type != static_cast<int32_t>(Type::F32) && call.delta_type != static_cast<int32_t>(Type::F16) &&
        call.delta_type != static_cast<int32_t>(Type::BF16))
        throw Failure(T2K_UNSUPPORTED, "Deltas are F32, F16 or BF16, not type " + std::to_string(call.delta_type) + ".");
    const int64_t delta_bytes = call.delta_type == static_cast<int32_t>(Type::F32) ? 4 : 2;
    constexpr int64_t chunk = 512;
    static_assert(chunk * 4 <= Writer::kMost);
    struct Delta
    {
        const uint8_t* data;
        float alpha;
    };
    std::vector<Delta> deltas;
    for (int32_t k = 0; k < call.count; ++k)
        if (call.alpha[k] != 0)
            deltas.push_back({static_cast<const uint8_t*>(call.deltas[k]), call.alpha[k]});
    const int64_t total = call.rows * call.cols;
    if (deltas.empty() && call.src_type == call.dst_type)
    {
        std::memcpy(call.dst, call.src, static_cast<size_t>(src.bytes_for(total)));
        return;
    }
    const bool streamed = dst.bytes_for(total) >= kStreamed;
    Team team(call.threads);
    const int64_t run = run_length(total, chunk, team.size());
    team.run((total + run - 1) / run, cancellation, [&](int64_t task, int) {
        alignas(64) float values[chunk];
        const int64_t start = task * run, end = std::min(total, start + run);
        Writer writer(kernels, call.dst + dst.bytes_for(start), streamed);
        const uint8_t* const src_end = call.src + src.bytes_for(end);
        Fetcher src_fetcher;
        std::vector<Fetcher> delta_fetchers(deltas.size());
        for (int64_t first = start; first < end; first += chunk)
        {
            const int64_t n = std::min(chunk, end - first);
            const uint8_t* const from = call.src + src.bytes_for(first);
            src_fetcher.fetch(from, std::min(src_end, from + src.bytes_for(n) + kAhead));
            src.dequantize(from, values, n);
            for (size_t k = 0; k < deltas.size(); ++k)
            {
                const uint8_t* const delta = deltas[k].data + first * delta_bytes;
                delta_fetchers[k].fetch(delta, std::min(deltas[k].data + end * delta_bytes, delta + n * delta_bytes + kAhead));
                kernels.gemm.accumulate(call.delta_type, delta, deltas[k].alpha, values, n);
            }
            dst.quantize_fast(values, n, writer.space(), 0, 1, n);
            writer.put(dst.bytes_for(n));
        }
    });
}
}
