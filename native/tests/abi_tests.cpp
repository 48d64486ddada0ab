// The door: every wrong argument is a status and a sentence that names it, from any number of threads.
#include "testing.h"
#include "common/workspace.h"
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#if defined(__linux__)
#include <sched.h>
#endif

namespace
{
void expect(int32_t actual, int32_t status, const char* part)
{
    CHECK(actual == status, "status " << actual << ", not " << status);
    CHECK(std::strstr(t2k_last_error(), part) != nullptr, "message '" << t2k_last_error() << "' lacks '" << part << "'");
}
}

TEST(abi, names_what_was_wrong)
{
    std::vector<float> w(256, 1), basis(16 * 16, 0), z(16, 1), out(256);
    double sigma[16];
    expect(t2k_factorize(nullptr, 4, 4, sigma, basis.data(), 1, nullptr), T2K_INVALID, "null");
    expect(t2k_factorize(w.data(), 0, 4, sigma, basis.data(), 1, nullptr), T2K_INVALID, "0×4");
    expect(t2k_factorize(w.data(), 4, 4, sigma, basis.data(), 0, nullptr), T2K_INVALID, "threads");
    expect(t2k_rebuild(w.data(), 99, 16, 16, basis.data(), z.data(), out.data(), 0, 0, 1, nullptr), T2K_UNSUPPORTED, "type 99");
    expect(t2k_rebuild(w.data(), 0, 16, 16, basis.data(), z.data(), out.data(), 12, 0, 1, nullptr), T2K_INVALID, "Q4_K");
    expect(t2k_rebuild(w.data(), 0, 16, 16, basis.data(), z.data(), out.data(), 0, 9, 1, nullptr), T2K_INVALID, "Arithmetic 9");
    z[3] = NAN;
    expect(t2k_rebuild(w.data(), 0, 16, 16, basis.data(), z.data(), out.data(), 0, 0, 1, nullptr), T2K_NOT_FINITE, "z[3]");
    expect(t2k_set_isa("mmx"), T2K_INVALID, "mmx");
    int32_t length, bytes;
    expect(t2k_type_info(5, &length, &bytes), T2K_UNSUPPORTED, "type 5");
    expect(t2k_type_info(-1, &length, &bytes), T2K_UNSUPPORTED, "type -1");
    const int32_t cancel = 1;
    z[3] = 2;
    expect(t2k_rebuild(w.data(), 0, 16, 16, basis.data(), z.data(), out.data(), 0, 0, 1, &cancel), T2K_CANCELLED, "cancelled");
}

TEST(abi, knows_its_version_and_instruction_sets)
{
    CHECK(t2k_abi_version() == T2K_ABI_VERSION, t2k_abi_version());
    CHECK(std::strcmp(t2k_isa(), t2k_isa_at(0)) == 0, t2k_isa());
    int32_t count = 0;
    while (t2k_isa_at(count) != nullptr)
        ++count;
    CHECK(count >= 1 && std::strcmp(t2k_isa_at(count - 1), "scalar") == 0, count);
    CHECK(t2k_isa_at(-1) == nullptr, "a name before the first");
}

TEST(abi, may_be_called_from_many_threads)
{
    const auto w = normal_values(120 * 70, 5);
    std::vector<double> expected(70);
    std::vector<float> basis(70 * 70);
    CHECK(t2k_factorize(w.data(), 120, 70, expected.data(), basis.data(), 1, nullptr) == T2K_OK, t2k_last_error());
    std::vector<std::string> failures(6);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < failures.size(); ++t)
        threads.emplace_back([&, t] {
            for (int round = 0; round < 5; ++round)
            {
                std::vector<double> sigma(70);
                std::vector<float> b(70 * 70);
                if (t2k_factorize(w.data(), 120, 70, sigma.data(), b.data(), 4, nullptr) != T2K_OK)
                    failures[t] = t2k_last_error();
                for (size_t i = 0; i < sigma.size(); ++i)
                    if (std::fabs(sigma[i] - expected[i]) > 1e-11 * expected[i])
                        failures[t] = "sigma " + std::to_string(i);
                if (t2k_set_isa("none") != T2K_INVALID || std::strstr(t2k_last_error(), "none") == nullptr)
                    failures[t] = "the last error is not the thread's own";
            }
        });
    for (auto& thread : threads)
        thread.join();
    for (const auto& failure : failures)
        CHECK(failure.empty(), failure);
}

#if defined(__linux__)
TEST(abi, workers_wake_wherever_the_caller_may_run)
{
    cpu_set_t all;
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0, "no affinity mask");
    const auto w = normal_values(300 * 256, 5);
    std::vector<uint8_t> expected(static_cast<size_t>(byte_count(8, 300 * 256)));
    CHECK(t2k_quantize(8, w.data(), 300, 256, expected.data(), 1) == T2K_OK, t2k_last_error());
    std::string failure;
    std::thread([&] {
        for (int round = 0; round < 12 && failure.empty(); ++round)
        {
            // One processor, then all again; asleep, then awake.
            cpu_set_t one;
            CPU_ZERO(&one);
            for (int processor = 0; processor < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++processor)
                if (CPU_ISSET(processor, &all))
                    CPU_SET(processor, &one);
            if (sched_setaffinity(0, sizeof all, round % 3 == 0 ? &one : &all) != 0)
                failure = "affinity refused";
            if (round % 2 == 0)
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
            std::vector<uint8_t> bytes(expected.size());
            if (t2k_quantize(8, w.data(), 300, 256, bytes.data(), 8) != T2K_OK || bytes != expected)
                failure = "round " + std::to_string(round);
        }
    }).join();
    CHECK(failure.empty(), failure);
}
#endif

TEST(abi, workspaces_kept_between_calls_are_bounded)
{
    std::vector<std::pair<void*, size_t>> blocks;
    for (size_t i = 1; i <= 40; ++i)
    {
        size_t bytes = i * 123457;
        blocks.emplace_back(t2k::take_workspace(bytes), bytes);
        CHECK(bytes >= i * 123457 && reinterpret_cast<uintptr_t>(blocks.back().first) % 64 == 0, "block " << i);
        std::memset(blocks.back().first, 1, bytes);
    }
    for (const auto& [block, bytes] : blocks)
        t2k::give_workspace(block, bytes);
    CHECK(t2k::workspace_kept() <= t2k::kWorkspaceKept, t2k::workspace_kept());
    size_t small = 1000;
    t2k::give_workspace(t2k::take_workspace(small), small);
}

TEST(abi, kept_workspaces_are_given_back_when_asked_for)
{
    t2k_release_workspaces();
    size_t large = size_t{5} << 20, little = size_t{1} << 20;
    t2k::give_workspace(t2k::take_workspace(large), large);
    const size_t kept = t2k::workspace_kept(); // none under the address sanitizer
    CHECK(t2k_release_workspaces() == static_cast<int64_t>(kept) && t2k::workspace_kept() == 0, kept);
    t2k::give_workspace(t2k::take_workspace(little), little);
    const size_t still = t2k::workspace_kept();
    CHECK(t2k_release_workspaces() == 0 && t2k::workspace_kept() == still, still);
}
