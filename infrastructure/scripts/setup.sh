#!/usr/bin/env bash
# Installs the Debian packages that FreeInference Edge is built and tested with, but only those that are missing: on a
# machine that has them all nothing is asked of the network or of root. Packages to check for may be named; without
# names all are checked.
set -euo pipefail

packages=(
    # What the binary links.
    libssl-dev libnghttp2-dev libsimdjson-dev libc-ares-dev libsqlite3-dev zlib1g-dev libzstd-dev
    pkg-config binutils
    # What the tests drive it with: curl; nghttp and h2load; openssl s_client; the Python SDKs; systemd-analyze.
    curl nghttp2-client openssl python3-venv systemd
    # What Benchmarks/streams compares it with (setup-bench.sh has the others), and what pins both to a core.
    haproxy util-linux
)
[[ $# -gt 0 ]] && packages=("$@")

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == *installed* && $status != *not-installed* ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || { echo "setup: missing packages: ${missing[*]}; neither root nor sudo here" >&2; exit 1; }
    as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "${missing[@]}" >/dev/null
