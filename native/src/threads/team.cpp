#include "team.h"
#include <algorithm>
#include <memory>
#include <mutex>
#include <thread>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
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

using Thread = std::thread::native_handle_type;

// Where a sleeping thread wakes up. Left alone, the kernel wakes a thread on the processor it last ran on unless it sees an idle one, and a virtual processor that
// has halted does not count as idle to a guest (its host reports it as preempted): workers queue behind the very caller they should help, for a time slice of
// 3 to 5 ms. So a sleeper is moved to a processor of its own before it is woken, and may be moved from there as soon as it is.
#if defined(__linux__)
class Placement
{
public:
    Placement()
    {
        if (sched_getaffinity(0, sizeof allowed_, &allowed_) != 0)
            CPU_ZERO(&allowed_);
        here_ = sched_getcpu();
    }

    // The worker with number `member` (1, 2, …) is woken by `wake`.
    template <class Wake>
    void woken(Thread thread, int member, Wake&& wake) const
    {
        const int processor = after(member);
        if (processor < 0)
            return wake();
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(processor, &one);
        const bool moved = pthread_setaffinity_np(thread, sizeof one, &one) == 0;
        wake();
        if (moved)
            pthread_setaffinity_np(thread, sizeof allowed_, &allowed_);
    }

private:
    // The steps-th allowed processor after the caller's; negative where that is the caller's own.
    int after(int steps) const
    {
        const int count = CPU_COUNT(&allowed_);
        if (here_ < 0 || count < 2 || steps % count == 0)
            return -1;
        int processor = here_;
        for (int left = steps % count; left > 0;)
        {
            processor = (processor + 1) % CPU_SETSIZE;
            left -= CPU_ISSET(processor, &allowed_) ? 1 : 0;
        }
        return processor;
    }

    cpu_set_t allowed_;
    int here_;
};

#else
class Placement
{
public:
    template <class Wake>
    void woken(Thread, int, Wake&& wake) const
    {
        wake();
    }
};
#endif
}

// A thread that sleeps until it is offered work, and may find the offer withdrawn: on a busy machine it can wake when the others have long finished, and nobody
// should wait for it then.
class Worker
{
public:
    Worker()
    {
        std::thread thread([this] { loop(); });
        thread_ = thread.native_handle(); // it never ends
        thread.detach();
    }

    void offer(Team* team, int member)
    {
        team_ = team;
        member_ = member;
        if (state_.exchange(kOffered, std::memory_order_acq_rel) == kAway)
            Placement().woken(thread_, member, [this] { state_.notify_one(); });
    }

    // Takes the offer back if it was not accepted, else waits for the work to end.
    void settle()
    {
        int offered = kOffered;
        if (state_.compare_exchange_strong(offered, kAway, std::memory_order_acq_rel))
            return;
        for (int spin = 0; state_.load(std::memory_order_acquire) == kWorking; ++spin)
        {
            if (spin < kSpins)
                relax();
            else
                std::this_thread::yield();
        }
    }

private:
    enum State : int
    {
        kAway, // asleep, or woken and not yet running
        kWatching,
        kOffered,
        kWorking,
    };

    bool becomes(int from, int to) { return state_.compare_exchange_strong(from, to, std::memory_order_acq_rel); }

    void loop()
    {
        for (;;)
        {
            becomes(kAway, kWatching);
            for (int spin = 0; spin < kSpins && state_.load(std::memory_order_relaxed) == kWatching; ++spin)
                relax();
            if (becomes(kWatching, kAway))
                state_.wait(kAway, std::memory_order_relaxed);
            if (!becomes(kOffered, kWorking))
                continue;
            team_->work(member_);
            state_.store(kWatching, std::memory_order_release);
        }
    }

    Team* team_ = nullptr;
    int member_ = 0;
    std::atomic<int> state_{kAway};
    Thread thread_{};
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
    const int64_t helpers = std::min<int64_t>(static_cast<int64_t>(workers_.size()), count - 1);
    for (int64_t w = 0; w < helpers; ++w)
        workers_[static_cast<size_t>(w)]->offer(this, static_cast<int>(w) + 1);
    work(0);
    for (int64_t w = 0; w < helpers; ++w)
        workers_[static_cast<size_t>(w)]->settle();
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
