#!/usr/bin/env bash
# strip.sh before|after: called by `make build` around `swift build`. Leaves the release binary without debug
# information and symbols, and what was taken out beside it, in freeinference.debug. Debuggers and Swift's backtraces
# find that file by the link in the binary while both lie in one folder.
#
# What the linker wrote is kept as freeinference.linked. It is put back before the next build by a rename, so that
# swift build finds its output as it left it, and links only when something has changed.
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
