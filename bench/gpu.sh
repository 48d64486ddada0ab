#!/usr/bin/env bash
# Measures T2's GPU kernels on the CUDA device of this machine and writes bench/results/<device>/: correctness against the CPU reference first, then
# factorising and rebuilding real shapes. Without a CUDA device it measures nothing, says so, and exits 77 (what test runners read as "skipped").
#
# usage: bench/gpu.sh [device number]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec dotnet run -c Release --project bench/T2.Bench -- gpu --device "${1:-0}" -o bench/results
