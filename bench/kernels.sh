#!/usr/bin/env bash
# Runs every row of the native kernels' benchmark and prints them as the Markdown block of bench/results/<cpu>/kernels.md.
#
# usage: bench/kernels.sh [runner...]     e.g. bench/kernels.sh nice -n -5
# Every part (half a minute at most) is started through the runner, so that a machine with other work can be made quiet for one part at a time.
# T2_GGML_BASE and T2_OPENBLAS name the baselines' libraries where they are not found by themselves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=artifacts/native/bench
cmake -S . -B "$build" -DT2_BENCH=ON -DBUILD_TESTING=OFF >&2
cmake --build "$build" --parallel --target t2k_bench >&2
if [ -z "${T2_GGML_BASE:-}" ]; then
  for found in native/llama/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64 src/T2.Llama/bin/*/net10.0/runtimes/linux-x64/native; do
    if [ -f "$found/libggml-base.so" ]; then export T2_GGML_BASE="$PWD/$found/libggml-base.so"; fi
  done
fi
bench=$build/native/bench/t2k_bench

part() { # keeps the heading of the first part only
  "${runner[@]}" "$bench" "$@" | if [ "$first" = 1 ]; then cat; else sed '1,/^type /d'; fi | sed 's/^/    /; s/ *$//'
  first=0
}

runner=("$@")
first=1
"${runner[@]}" "$bench" factor | sed 's/^/    /; s/ *$//'
for isa in ${T2_BENCH_ISAS:-avx512bf16 avx2}; do
  first=1
  for types in F32 F16,BF16 Q8_0,Q4_0,Q4_1 Q5_0,Q5_1 Q2_K,Q3_K,Q4_K,Q5_K,Q6_K; do
    part rebuild --isa "$isa" --types "$types"
  done
done
# Larger experts, and experts beyond what training leaves (rms of z − 1: 0.07 to 0.15 in the bundled ones).
for spread in 0.15 0.3; do
  first=1
  for types in F32,F16,BF16,Q8_0 Q4_0,Q5_0,Q4_K,Q6_K; do
    part rebuild --z "$spread" --types "$types"
  done
done
first=1
for types in F32,F16,BF16,Q8_0 Q4_0,Q4_1,Q5_0,Q5_1 Q2_K,Q3_K Q4_K Q5_K,Q6_K; do
  part mix --types "$types"
done
