// t2k_tests [group]: runs the tests of a group (or all), prints one line each, and fails if any failed.
#include "testing.h"
#include <cstdio>
#include <cstring>

std::vector<TestCase>& test_cases()
{
    static std::vector<TestCase> cases;
    return cases;
}

void for_each_isa(const std::function<void(const std::string&)>& body)
{
    for (int32_t i = 0; const char* name = t2k_isa_at(i); ++i)
    {
        CHECK(t2k_set_isa(name) == T2K_OK, t2k_last_error());
        try
        {
            body(name);
        }
        catch (const std::runtime_error& error)
        {
            t2k_set_isa(nullptr);
            throw std::runtime_error("[" + std::string(name) + "] " + error.what());
        }
    }
    t2k_set_isa(nullptr);
}

int main(int argc, char** argv)
{
    int ran = 0, failed = 0;
    for (const TestCase& test : test_cases())
    {
        if (argc > 1 && test.group != argv[1])
            continue;
        ++ran;
        try
        {
            test.body();
            std::printf("ok      %s.%s\n", test.group.c_str(), test.name.c_str());
        }
        catch (const Skip& reason)
        {
            std::printf("skipped %s.%s: %s\n", test.group.c_str(), test.name.c_str(), reason.what());
        }
        catch (const std::exception& error)
        {
            ++failed;
            std::printf("FAILED  %s.%s\n        %s\n", test.group.c_str(), test.name.c_str(), error.what());
        }
        std::fflush(stdout);
    }
    std::printf("%d tests, %d failed\n", ran, failed);
    return failed != 0 || ran == 0;
}
