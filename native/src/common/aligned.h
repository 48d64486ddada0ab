// Owned, 64-byte aligned memory for packed operands and workspaces. Aligned to a cache line so that no vector load of a packed panel straddles two.
#pragma once
#include "workspace.h"
#include <cstddef>
#include <cstdint>
#include <utility>

namespace t2k
{
template <class T>
class AlignedBuffer
{
public:
    AlignedBuffer() = default;

    explicit AlignedBuffer(int64_t count)
        : bytes_(count > 0 ? static_cast<size_t>(count) * sizeof(T) : 0), data_(bytes_ > 0 ? static_cast<T*>(take_workspace(bytes_)) : nullptr), size_(count)
    {
    }

    AlignedBuffer(AlignedBuffer&& other) noexcept
        : bytes_(std::exchange(other.bytes_, 0)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0))
    {
    }

    AlignedBuffer& operator=(AlignedBuffer&& other) noexcept
    {
        std::swap(bytes_, other.bytes_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }

    AlignedBuffer(const AlignedBuffer&) = delete;
    AlignedBuffer& operator=(const AlignedBuffer&) = delete;

    ~AlignedBuffer() { give_workspace(data_, bytes_); }

    T* data() { return data_; }
    const T* data() const { return data_; }
    int64_t size() const { return size_; }
    T& operator[](int64_t i) { return data_[i]; }
    const T& operator[](int64_t i) const { return data_[i]; }

private:
    size_t bytes_ = 0; // of the block, which may be larger than asked
    T* data_ = nullptr;
    int64_t size_ = 0;
};
}
