#!/usr/bin/env bash
# Measures T2 on a CUDA device of this machine and writes bench/results/<device>/gpu.md: the kernels' correctness against the CPU first, then factorising,
# rebuilding and writing real shapes, beside cuBLAS and cuSOLVER where they are installed; then, with the llama.cpp build that has CUDA (restored through npm,
# 181 MB), switching and generating with all layers on the device. Without a CUDA device it measures nothing, says so, and exits 77 (what test runners read as
# "skipped"); 1 where a kernel is wrong or a measurement of T2's failed, which the report then names.
#
# usage: bench/gpu.sh [device number]
# T2_BENCH_MODEL names the model that switches and generates; without it, one with random weights at Qwen2.5-0.5B's shapes is made (0.5 GB, deleted afterwards).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export MSBUILDDISABLENODEREUSE=1
# llama.cpp would use every device it sees.
if (($#)); then export CUDA_VISIBLE_DEVICES=$1; fi

bench=(dotnet bench/T2.Bench/bin/Release/net10.0/T2.Bench.dll)
dotnet build -c Release --nologo -v quiet bench/T2.Bench
exec 3>&1
folder=$("${bench[@]}" gpu -o bench/results | tee /dev/fd/3 | sed -n 's/^written to //p')

dotnet build -c Release --nologo -v quiet -p:T2Cuda=true bench/T2.Bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
model=${T2_BENCH_MODEL:-$work/qwen2.5-0.5b-q8_0.gguf}
[[ -e $model ]] || "${bench[@]}" make-model --preset qwen2.5-0.5b --type q8_0 -o "$model" > /dev/null
{
    echo
    echo "## Switching and generating, all layers on the device"
    for verb in decode switch; do
        echo
        echo '```'
        "${bench[@]}" "$verb" --model "$model" --factors "$work/factors" --gpu-layers -1
        echo '```'
    done
} | tee -a "$folder/gpu.md"
