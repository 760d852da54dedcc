#!/usr/bin/env bash
# strip.sh before|after: called by `make build` around `swift build`. Moves debug information and symbols of the
# release binary to freeinference.debug. Debuggers and Swift's backtraces find that file by a link in the binary, as
# long as both are in one folder.
#
# The linker's output is kept as freeinference.linked. Before the next build it is renamed back, so that swift build
# finds its output unchanged, and links only if something has changed.
set -euo pipefail
cd "$(dirname "$0")/../../.build/release" 2>/dev/null || exit 0 # There is no such folder before the first build.

case $1 in
before)
    if [[ -f freeinference.linked ]] && readelf --sections freeinference 2>/dev/null | grep -q gnu_debuglink; then
        mv -f freeinference freeinference.stripped
        mv -f freeinference.linked freeinference
    fi
    ;;
after)
    if [[ ! -f freeinference.stripped || freeinference -nt freeinference.stripped ]]; then
        objcopy --only-keep-debug freeinference freeinference.debug
        chmod a-x freeinference.debug
        objcopy --strip-all --add-gnu-debuglink=freeinference.debug freeinference freeinference.stripped
    fi
    mv -f freeinference freeinference.linked
    mv -f freeinference.stripped freeinference
    ;;
*)
    echo "usage: strip.sh before|after" >&2
    exit 2
    ;;
esac
