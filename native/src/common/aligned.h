// Owned, 64-byte aligned memory for packed operands and workspaces. Aligned to a cache line so that no vector load of a packed panel straddles two.
#pragma once
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace t2k
{
template <class T>
class AlignedBuffer
{
public:
    AlignedBuffer() = default;

    explicit AlignedBuffer(int64_t count)
        : data_(count > 0 ? static_cast<T*>(::operator new(static_cast<size_t>(count) * sizeof(T), std::align_val_t{64})) : nullptr), size_(count)
    {
    }

    AlignedBuffer(AlignedBuffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

    AlignedBuffer& operator=(AlignedBuffer&& other) noexcept
    {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }

    AlignedBuffer(const AlignedBuffer&) = delete;
    AlignedBuffer& operator=(const AlignedBuffer&) = delete;

    ~AlignedBuffer() { ::operator delete(data_, std::align_val_t{64}); }

    T* data() { return data_; }
    const T* data() const { return data_; }
    int64_t size() const { return size_; }
    T& operator[](int64_t i) { return data_[i]; }
    const T& operator[](int64_t i) const { return data_[i]; }

private:
    T* data_ = nullptr;
    int64_t size_ = 0;
};
}
