// What goes wrong inside the library travels as one exception type, up to the C ABI and never past it.
#pragma once
#include "t2kernels.h"
#include <stdexcept>
#include <string>

namespace t2k
{
struct Failure : std::runtime_error
{
    Failure(t2k_status status, const std::string& message) : std::runtime_error(message), status(status) {}
    t2k_status status;
};

class Cancellation
{
public:
    explicit Cancellation(const volatile int32_t* flag) : flag_(flag) {}

    bool requested() const { return flag_ != nullptr && *flag_ != 0; }

    void throw_if_requested() const
    {
        if (requested())
            throw Failure(T2K_CANCELLED, "The call was cancelled.");
    }

private:
    const volatile int32_t* flag_;
};
}
