#include "workspace.h"
#include <algorithm>
#include <mutex>
#include <new>
#include <vector>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace t2k
{
namespace
{
constexpr std::size_t kSmallest = std::size_t{64} << 10, kHuge = std::size_t{4} << 20, kHugePage = std::size_t{2} << 20;
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kLimit = 0; // kept blocks would hide their errors
#else
constexpr std::size_t kLimit = kWorkspaceKept;
#endif

struct Block
{
    void* data;
    std::size_t bytes;
};

struct Kept
{
    std::mutex mutex;
    std::vector<Block> blocks; // oldest first
    std::size_t bytes = 0;
};

// Never destroyed: calls may end after static destruction began.
Kept& kept()
{
    static Kept* const instance = new Kept;
    return *instance;
}

std::align_val_t alignment(std::size_t bytes)
{
    return std::align_val_t{bytes >= kHuge ? kHugePage : 64};
}

void release(const Block& block) noexcept
{
    ::operator delete(block.data, alignment(block.bytes));
}
}

void* take_workspace(std::size_t& bytes)
{
    if (bytes >= kSmallest && kLimit > 0)
    {
        // Few sizes, so that blocks fit one another's users: sixteenths of a power of two.
        std::size_t unit = 4096;
        while (unit * 32 <= bytes)
            unit *= 2;
        bytes = (bytes + unit - 1) / unit * unit;
        Kept& k = kept();
        const std::lock_guard lock(k.mutex);
        auto best = k.blocks.end();
        for (auto block = k.blocks.begin(); block != k.blocks.end(); ++block)
            if (block->bytes >= bytes && block->bytes <= bytes + bytes / 2 && (best == k.blocks.end() || block->bytes < best->bytes))
                best = block;
        if (best != k.blocks.end())
        {
            void* const data = best->data;
            bytes = best->bytes;
            k.bytes -= bytes;
            k.blocks.erase(best);
            return data;
        }
    }
    void* const data = ::operator new(bytes, alignment(bytes));
#if defined(__linux__)
    if (bytes >= kHuge)
        madvise(data, bytes / kHugePage * kHugePage, MADV_HUGEPAGE); // advice: nothing is lost where it is refused
#endif
    return data;
}

void give_workspace(void* block, std::size_t bytes) noexcept
{
    if (block == nullptr)
        return;
    if (bytes < kSmallest || bytes > kLimit)
        return release({block, bytes});
    Kept& k = kept();
    const std::lock_guard lock(k.mutex);
    try
    {
        k.blocks.push_back({block, bytes});
        k.bytes += bytes;
    }
    catch (const std::bad_alloc&)
    {
        release({block, bytes});
    }
    std::size_t evicted = 0;
    for (; k.bytes > kLimit; ++evicted)
    {
        k.bytes -= k.blocks[evicted].bytes;
        release(k.blocks[evicted]);
    }
    k.blocks.erase(k.blocks.begin(), k.blocks.begin() + static_cast<std::ptrdiff_t>(evicted));
}

std::size_t release_workspaces() noexcept
{
    Kept& k = kept();
    std::vector<Block> blocks;
    std::size_t bytes = 0;
    {
        const std::lock_guard lock(k.mutex);
        if (k.bytes < kHuge)
            return 0;
        blocks.swap(k.blocks);
        std::swap(bytes, k.bytes);
    }
    for (const Block& block : blocks)
        release(block);
#if defined(__GLIBC__)
    malloc_trim(0); // blocks that came from a thread's heap stay there otherwise
#endif
    return bytes;
}

std::size_t workspace_kept()
{
    Kept& k = kept();
    const std::lock_guard lock(k.mutex);
    return k.bytes;
}
}
