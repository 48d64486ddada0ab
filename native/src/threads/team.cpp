#include "team.h"
#include <algorithm>
#include <memory>
#include <mutex>
#include <thread>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace t2k
{
namespace
{
inline void relax()
{
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Long enough to bridge the gaps between the steps of a factorisation (microseconds), short enough not to burn a core between calls.
constexpr int kSpins = 4000;
}

class Worker
{
public:
    Worker() { std::thread([this] { loop(); }).detach(); }

    void start(Team* team, int member)
    {
        team_ = team;
        member_ = member;
        signal_.fetch_add(1, std::memory_order_release);
        signal_.notify_one();
    }

private:
    void loop()
    {
        uint32_t seen = 0;
        for (;;)
        {
            for (int spin = 0; spin < kSpins && signal_.load(std::memory_order_acquire) == seen; ++spin)
                relax();
            signal_.wait(seen, std::memory_order_acquire);
            ++seen;
            team_->work(member_);
            team_->running_.fetch_sub(1, std::memory_order_acq_rel);
        }
    }

    Team* team_ = nullptr;
    int member_ = 0;
    std::atomic<uint32_t> signal_{0};
};

namespace
{
// Never destroyed: its threads may outlive static destruction, and a detached thread blocked in wait() costs nothing.
struct Pool
{
    std::mutex mutex;
    std::vector<std::unique_ptr<Worker>> all;
    std::vector<Worker*> idle;
};

Pool& pool()
{
    static Pool* const instance = new Pool;
    return *instance;
}
}

Team::Team(int threads)
{
    if (threads <= 1)
        return;
    Pool& p = pool();
    const size_t wanted = static_cast<size_t>(threads - 1);
    const size_t limit = std::max(1u, std::thread::hardware_concurrency());
    const std::lock_guard lock(p.mutex);
    workers_.reserve(std::min(wanted, limit));
    p.idle.reserve(limit);
    while (workers_.size() < wanted && (!p.idle.empty() || p.all.size() < limit))
    {
        if (p.idle.empty())
        {
            p.all.push_back(std::make_unique<Worker>());
            p.idle.push_back(p.all.back().get());
        }
        workers_.push_back(p.idle.back());
        p.idle.pop_back();
    }
}

Team::~Team()
{
    if (workers_.empty())
        return;
    Pool& p = pool();
    const std::lock_guard lock(p.mutex);
    p.idle.insert(p.idle.end(), workers_.begin(), workers_.end()); // within the capacity reserved: does not throw
}

void Team::run(int64_t count, const Cancellation& cancellation, Invoke invoke, void* context)
{
    invoke_ = invoke;
    context_ = context;
    cancellation_ = &cancellation;
    count_ = count;
    failure_ = nullptr;
    failed_.store(false, std::memory_order_relaxed);
    next_.store(0, std::memory_order_relaxed);
    const int helpers = static_cast<int>(std::min<int64_t>(static_cast<int64_t>(workers_.size()), count - 1));
    running_.store(std::max(helpers, 0), std::memory_order_relaxed);
    for (int w = 0; w < helpers; ++w)
        workers_[static_cast<size_t>(w)]->start(this, w + 1);
    work(0);
    for (int spin = 0; running_.load(std::memory_order_acquire) != 0; ++spin)
    {
        if (spin < kSpins)
            relax();
        else
            std::this_thread::yield();
    }
    if (failure_)
        std::rethrow_exception(failure_);
}

void Team::work(int member)
{
    try
    {
        for (;;)
        {
            const int64_t index = next_.fetch_add(1, std::memory_order_relaxed);
            if (index >= count_ || failed_.load(std::memory_order_relaxed))
                return;
            cancellation_->throw_if_requested();
            invoke_(context_, index, member);
        }
    }
    catch (...)
    {
        if (!failed_.exchange(true))
            failure_ = std::current_exception();
    }
}
}
