// A bounded thread pool. A Team borrows workers for the length of one call; run() hands out indices one by one, so uneven panels balance themselves.
// The pool never holds more workers than the machine has processors; when all are lent, a team is smaller than asked, never larger.
#pragma once
#include "../common/status.h"
#include <atomic>
#include <cstdint>
#include <exception>
#include <vector>

namespace t2k
{
class Worker;

class Team
{
public:
    explicit Team(int threads);
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    // The caller and its workers: every `member` passed to a task is below this.
    int size() const { return static_cast<int>(workers_.size()) + 1; }

    // task(index, member) for every index in 0..count. The first exception of any task is rethrown here after all have stopped.
    template <class Task>
    void run(int64_t count, const Cancellation& cancellation, Task&& task)
    {
        cancellation.throw_if_requested();
        run(count, cancellation, [](void* context, int64_t index, int member) { (*static_cast<Task*>(context))(index, member); },
            const_cast<void*>(static_cast<const void*>(&task)));
    }

private:
    friend class Worker;
    using Invoke = void (*)(void* context, int64_t index, int member);

    void run(int64_t count, const Cancellation& cancellation, Invoke invoke, void* context);
    void work(int member);

    std::vector<Worker*> workers_;
    Invoke invoke_ = nullptr;
    void* context_ = nullptr;
    const Cancellation* cancellation_ = nullptr;
    int64_t count_ = 0;
    std::atomic<int64_t> next_{0};
    std::atomic<bool> failed_{false};
    std::exception_ptr failure_;
};
}
