#!/usr/bin/env bash
# Builds the kernels for ARM64 and runs their tests under qemu: the NEON path on a machine without one. Needs g++-aarch64-linux-gnu and qemu-user.
#
# usage: native/tests/neon.sh [test group...]     some minutes without a group; groups: quantize rebuild factorize eigen mix abi
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=artifacts/native/neon
cmake -S . -B "$build" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static
cmake --build "$build" --parallel --target t2k_tests
for group in "${@:-}"; do
  qemu-aarch64 "$build/native/tests/t2k_tests" ${group:+"$group"}
done
