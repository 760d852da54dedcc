#!/usr/bin/env bash
# Installs the missing Debian packages with which FreeInference Edge is built and tested. If all are installed, it
# needs neither the network nor root. The arguments name the packages to check; without arguments all are checked.
# No server is started: a policy forbids it during the installation (unless a policy exists), and newly installed
# servers are not enabled at boot.
set -euo pipefail

packages=(
    # Libraries that the binary links, and build tools.
    libssl-dev libnghttp2-dev libsimdjson-dev libc-ares-dev libsqlite3-dev zlib1g-dev libzstd-dev libxxhash-dev
    pkg-config binutils
    # Programs that the tests run: curl; nghttp and h2load; openssl s_client; the Python SDKs; systemd-analyze; ip.
    curl nghttp2-client openssl python3-venv systemd iproute2
    # For Benchmarks/streams: HAProxy, and taskset, which pins processes to a core. setup-bench.sh installs the other
    # proxies.
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

policy=/usr/sbin/policy-rc.d
made_policy=false
cleanup() { if $made_policy; then "${as_root[@]}" rm -f "$policy"; fi; }
trap cleanup EXIT
if [[ ! -e $policy ]]; then
    made_policy=true
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
fi

echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "${missing[@]}" >/dev/null

[[ -d /run/systemd/system ]] || exit 0
for package in "${missing[@]}"; do
    case $package in
        haproxy | nginx) unit=$package.service ;;
        nghttp2-proxy) unit=nghttpx.service ;;
        *) continue ;;
    esac
    "${as_root[@]}" systemctl disable --quiet --now "$unit" 2>/dev/null || true
done
