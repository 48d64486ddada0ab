// Memory of a call's workspaces. Blocks of 64 KiB and more are kept for the next call, up to kKept in all: mapped afresh for every call, their page faults cost
// a third of the time of a rebuild of 896×896 (four threads faulting in one address space wait for one another). Blocks of 4 MiB and more ask for huge pages.
#pragma once
#include <cstddef>

namespace t2k
{
// Stays allocated between calls at most.
constexpr std::size_t kWorkspaceKept = std::size_t{48} << 20;

// At least `bytes` bytes, 64-byte aligned; `bytes` becomes the block's true size, to be handed back with it. Throws std::bad_alloc.
void* take_workspace(std::size_t& bytes);
void give_workspace(void* block, std::size_t bytes) noexcept;

// Frees the kept blocks, if they are 4 MiB or more in all, and has the C library give their memory back. Returns their bytes.
std::size_t release_workspaces() noexcept;

// Bytes kept at the moment.
std::size_t workspace_kept();
}
