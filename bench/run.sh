#!/usr/bin/env bash
# Measures T2 on this machine's CPU and writes everything to bench/results/<cpu>/ as files (Markdown and JSON).
#
# usage: bench/run.sh [-o DIR] [stage...]      DIR from the repository's root; stages, all of them by default:
#   kernels    factorise, rebuild by type and shape, mixtures: against OpenBLAS and ggml (bench/kernels.sh)
#   shapes     the same for the weights of Llama-3.2-1B and one layer of Llama-3-8B
#   recompose  a layer's rebuild, against the reference's recomposition in PyTorch (python3-torch, numpy)
#   model      t2 bench on base, expert, LoRA r16 and r64; first token by stage; break-even, with a picture
#   switch     switching between kept experts by pointer and by copy, mixtures, memory
#   adaptation what pass 1 costs of an answer of the bundled model, and a candidate of the few-shot search
#   step       a training step, against PyTorch
#   managed    the registry's kernels under BenchmarkDotNet (long)
# T2_BENCH_MODEL names the model of the last stages; without it, one with random weights at Qwen2.5-0.5B's shapes is made (0.5 GB, deleted afterwards).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

slug=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1 | tr '[:upper:]' '[:lower:]' | tr -cs '[:alnum:]' '-' | sed 's/-$//')
out="bench/results/${slug:-$(uname -m)}-$(nproc)cpu"
all=(kernels shapes recompose model switch adaptation step managed)
if [[ ${1:-} == -o ]]; then
    (($# > 1)) || { echo "bench/run.sh: -o takes a folder" >&2; exit 2; }
    out=$2
    shift 2
fi
if (($#)); then stages=("$@"); else stages=("${all[@]}"); fi
for stage in "${stages[@]}"; do
    [[ " ${all[*]} " == *" $stage "* ]] || { echo "bench/run.sh: there is no stage '$stage'; there are ${all[*]}" >&2; exit 2; }
done
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export MSBUILDDISABLENODEREUSE=1
if [[ ${T2_BENCH_BUILT:-} != 1 ]]; then
    dotnet build -c Release --nologo -v quiet bench/T2.Bench
    dotnet build -c Release --nologo -v quiet src/T2.Cli
    cmake -S . -B artifacts/native/bench -DT2_BENCH=ON -DBUILD_TESTING=OFF > /dev/null
    cmake --build artifacts/native/bench --target t2k_bench --parallel > /dev/null
fi
bench=(dotnet bench/T2.Bench/bin/Release/net10.0/T2.Bench.dll)
t2=(dotnet src/T2.Cli/bin/Release/net10.0/t2.dll)
native=${T2_BENCH_NATIVE:-artifacts/native/bench/native/bench/t2k_bench}
# ggml's quantisers, a baseline of the native benchmark.
for found in "$PWD"/src/T2.Cli/bin/Release/net10.0/runtimes/*/native/libggml-base.so; do
    if [[ -z ${T2_GGML_BASE:-} && -f $found ]]; then export T2_GGML_BASE=$found; fi
done

# What was measured, on what, and how busy it was when this stage began.
head_of() {
    echo "<!-- written by bench/run.sh $1 -->"
    echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors, $(. /etc/os-release && echo "$PRETTY_NAME"), $(uname -r);" \
        "$(date -u '+%Y-%m-%d %H:%M UTC'), load average $(cut -d ' ' -f 1-3 /proc/loadavg), commit $(git rev-parse --short HEAD)"
    echo
}

fenced() {
    echo '```'
    cat
    echo '```'
}

model() {
    if [[ -z ${T2_BENCH_MODEL:-} ]]; then
        T2_BENCH_MODEL=$work/qwen2.5-0.5b-q8_0.gguf
        "${bench[@]}" make-model --preset qwen2.5-0.5b --type q8_0 -o "$T2_BENCH_MODEL" > /dev/null
        # What was just written lies in scattered pages of the system's cache and decodes a fifth slower than what was read: dropped and read again.
        sync "$T2_BENCH_MODEL"
        dd if="$T2_BENCH_MODEL" iflag=nocache count=0 status=none
        cat "$T2_BENCH_MODEL" > /dev/null
    fi
    factors=${T2_BENCH_FACTORS:-$work/factors}
    [[ -e $factors ]] || "${t2[@]}" factor -m "$T2_BENCH_MODEL" --factors "$factors" --quiet
}

# Every folder of an OpenBLAS build, by commas: PyTorch is measured with each.
blas=$(find /usr/lib -maxdepth 2 -type d -name 'openblas-*' 2> /dev/null | paste -sd , -)

for stage in "${stages[@]}"; do
    echo "== $stage" >&2
    case $stage in
        kernels)
            # Beside kernels.md, which has notes by people.
            { head_of kernels; bench/kernels.sh; } > "$work/result"
            mv "$work/result" "$out/kernels-run.md" ;;
        shapes)
            {
                head_of shapes
                for shape in llama-3.2-1b llama-3-8b; do
                    "$native" factor --model $shape --repetitions 1 | fenced
                    "$native" rebuild --model $shape --types F16,BF16,Q8_0,Q4_0,Q4_K --repetitions 3 | fenced
                done
            } > "$work/result"
            mv "$work/result" "$out/shapes.md" ;;
        recompose)
            { head_of recompose; "${bench[@]}" recompose --python "${T2_BENCH_PYTHON:-python3}" ${blas:+--blas "$blas"}; } > "$work/result"
            mv "$work/result" "$out/recompose.md" ;;
        model)
            model
            "${bench[@]}" make-adapters --model "$T2_BENCH_MODEL" -o "$work/adapters"
            head_of model > "$work/head"
            "${t2[@]}" bench -m "$T2_BENCH_MODEL" --factors "$factors" --expert "$work/adapters/random.gguf" --lora "$work/adapters/r16.gguf" \
                --lora "$work/adapters/r64.gguf" ${T2_BENCH_SIZES:-} -o json > "$work/result"
            # The file's place on this machine is nobody's business.
            sed "s|\"model\":\"[^\"]*/|\"model\":\"|" "$work/result" > "$out/bench.json"
            "${bench[@]}" break-even --bench "$out/bench.json" -o "$out" > /dev/null
            cat "$work/head" "$out/bench.md" > "$work/result"
            mv "$work/result" "$out/bench.md" ;;
        switch)
            model
            {
                head_of switch
                "${bench[@]}" switch --model "$T2_BENCH_MODEL" --factors "$factors"
                echo
                "${bench[@]}" switch --model "$T2_BENCH_MODEL" --factors "$factors" --by copy
            } > "$work/result"
            mv "$work/result" "$out/switch.md" ;;
        adaptation)
            bundled=(--model models/bundled/t2-mini.gguf --experts models/bundled/experts --factors "$work/mini-factors")
            {
                head_of adaptation
                "${bench[@]}" dispatch "${bundled[@]}" --questions models/bundled/tasks/dispatch.jsonl
                echo
                "${bench[@]}" search "${bundled[@]}" --questions models/bundled/tasks/arithmetic.jsonl
            } > "$work/result"
            mv "$work/result" "$out/adaptation.md" ;;
        step)
            { head_of step; "${bench[@]}" train-step --threads 1,2,4 --python "${T2_BENCH_PYTHON:-python3}" ${blas:+--blas "$blas"}; } > "$work/result"
            mv "$work/result" "$out/train-step.md" ;;
        managed)
            "${bench[@]}" kernels --filter '*' --artifacts "$work/artifacts" > /dev/null
            { head_of managed; cat "$work"/artifacts/results/*-github.md; } > "$out/benchmarkdotnet.md"
            cp "$work"/artifacts/results/*-report-full.json "$out/" ;;
    esac
done
echo "results are in $out" >&2
