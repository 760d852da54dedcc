#!/usr/bin/env bash
# Runs every fuzz target (Tests/Fuzz), or those in TARGET, for TIME seconds each, JOBS at a time, with the address
# sanitizer. Starts from the stored corpus. Findings, logs and new inputs go to .build/fuzz; exits with 1 if it found
# a fault.
set -euo pipefail
cd "$(dirname "$0")/../.."

time=${TIME:-60}
jobs=${JOBS:-2}
place=$PWD/.build/fuzz
export FREEINFERENCE_FUZZER
FREEINFERENCE_FUZZER=$(find "$(dirname "$(readlink -f "$(command -v swift)")")/../lib" \
    -name "libclang_rt.fuzzer_no_main-$(uname -m).a" -print -quit)
test -n "$FREEINFERENCE_FUZZER" || { echo "this toolchain has no libFuzzer" >&2; exit 2; }

# Optimised for more inputs per second; overflows and preconditions still trap. The C and C++ of this repository and
# of Yams are instrumented too.
if test "${BUILD:-yes}" = yes; then
    swift build -c release --product fuzz --scratch-path "$place/build" --sanitize=address \
        -Xswiftc -sanitize-coverage=edge,trace-cmp,inline-8bit-counters,pc-table \
        -Xcc -fsanitize-coverage=trace-cmp,inline-8bit-counters,pc-table
fi
fuzz=${FUZZ:-$place/build/release/fuzz}
test "$time" != 0 || exit 0

# Without this, a crash would hang in Swift's backtracer. Leaks that are not ours are suppressed, with their reasons.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=0:handle_abort=1:malloc_context_size=8
export LSAN_OPTIONS=suppressions=$PWD/infrastructure/sanitizers/leak.txt:print_suppressions=0

one() {
    local target=$1
    local found=$place/findings/$target log=$place/logs/$target.log corpus=$place/corpus/$target
    mkdir -p "$found" "$place/logs" "$corpus"
    local words=Tests/Fuzz/Dictionaries/$target.dict options=()
    if test -f "$words"; then options+=("-dict=$words"); fi
    echo "$(date +%T) $target: $time s, log in ${log#"$PWD"/}"
    if "$fuzz" "$target" "${options[@]}" "-max_total_time=$time" -max_len=8192 -len_control=30 -timeout=20 \
        -rss_limit_mb=2048 -malloc_limit_mb=512 -print_final_stats=1 "-artifact_prefix=$found/" \
        "$corpus" "Tests/Fuzz/Corpus/$target" >"$log" 2>&1; then
        grep -aE '^#[0-9]+.*DONE' "$log" | tail -1 | sed "s/^/$(date +%T) $target: /"
    else
        echo "$(date +%T) $target: FOUND $(ls -t "$found" | head -1 | sed "s|^|${found#"$PWD"/}/|")" >&2
        return 1
    fi
}

failed=0
for target in ${TARGET:-$("$fuzz" --list)}; do
    while test "$(jobs -rp | wc -l)" -ge "$jobs"; do wait -n || failed=1; done
    one "$target" &
done
while test -n "$(jobs -p)"; do wait -n || failed=1; done
exit "$failed"
