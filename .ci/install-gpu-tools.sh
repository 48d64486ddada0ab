#!/usr/bin/env bash
# Installs what proves the GPU kernels on a machine without a GPU: PoCL (OpenCL on the CPU) and NVIDIA's ptxas, cuobjdump and nvdisasm.
# Debian or Ubuntu, as root (or through sudo). Idempotent: what is already there is left alone. Only apt is used, on the mirror it already has.
set -euo pipefail

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

in_reach() { [ -n "$(apt-cache madison "$1")" ]; }

install_pocl() {
    # ocl-icd-opencl-dev brings the unversioned libOpenCL.so, the only name ILGPU looks for.
    if installed pocl-opencl-icd && installed ocl-icd-opencl-dev; then return; fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends pocl-opencl-icd ocl-icd-opencl-dev
}

# Debian keeps the toolkit in non-free, Ubuntu in multiverse: asks the mirrors that already serve main for those components too.
enable_non_free() {
    in_reach nvidia-cuda-toolkit && return
    local codename components file
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    components=$(. /etc/os-release && [ "$ID" = ubuntu ] && echo "restricted multiverse" || echo "contrib non-free")
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        if [ -f "$file" ]; then
            as_root sed -i -E "/^deb .* $codename [a-z -]*main/{/${components#* }( |\$)/!s/\$/ $components/}" "$file"
        fi
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        if [ -f "$file" ] && grep -qE "^Suites:.* $codename( |\$)" "$file"; then
            as_root sed -i -E "/^Components:/{/ ${components#* }( |\$)/!s/\$/ $components/}" "$file"
        fi
    done
    as_root apt-get update -qq
}

# The toolkit depends on gigabytes of libraries; three executables of it are enough, so its package is unpacked instead of installed.
install_ptxas() {
    command -v ptxas >/dev/null && command -v cuobjdump >/dev/null && command -v nvdisasm >/dev/null && return
    enable_non_free
    local work; work=$(mktemp -d)
    ( cd "$work" && apt-get download -qq nvidia-cuda-toolkit && dpkg-deb -x nvidia-cuda-toolkit_*.deb unpacked )
    for tool in ptxas cuobjdump nvdisasm; do
        as_root install -m 755 "$(find "$work/unpacked" -type f -name "$tool" | head -n 1)" "/usr/local/bin/$tool"
    done
    rm -rf "$work"
}

# A container without package lists knows neither package.
in_reach pocl-opencl-icd || as_root apt-get update -qq
install_pocl
install_ptxas
ptxas --version | tail -n 2
