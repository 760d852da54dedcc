#!/usr/bin/env bash
# Runs the HTTP/2 conformance suite h2spec (the argument is its path) in strict mode against the server and its
# simulated executor, over TLS and in clear text, on free loopback ports. Prints both totals, and fails unless all 147
# tests passed in both.
set -euo pipefail
cd "$(dirname "$0")/../.."

h2spec=${1:?usage: h2spec.sh PATH}
binary=${FREEINFERENCE_BINARY:-.build/release/freeinference}
expected='147 tests, 147 passed, 0 skipped, 0 failed'

directory=$(mktemp -d)
processes=()
finish() {
    for process in "${processes[@]}"; do kill -TERM "$process" 2>/dev/null || true; done
    wait
    rm -rf "$directory"
}
trap finish EXIT

read -r tls clear admin executor < <(python3 -c '
import socket
sockets = [socket.socket() for _ in range(4)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))')

"$binary" certificate --directory "$directory" >/dev/null
cat >"$directory/h2spec.yaml" <<YAML
listeners:
  - address: 127.0.0.1:$tls
    tls:
      certificates:
        - chain: $directory/chain.pem
          key: $directory/key.pem
  - address: 127.0.0.1:$clear
admin:
  address: 127.0.0.1:$admin
models:
  - id: demo
    executors:
      - url: http://127.0.0.1:$executor
YAML
"$binary" executor --listen "127.0.0.1:$executor" --model demo >"$directory/executor.log" 2>&1 &
processes+=($!)
"$binary" serve --config "$directory/h2spec.yaml" >"$directory/serve.log" 2>&1 &
processes+=($!)
for ((tries = 0; ; tries++)); do
    curl --silent --fail --noproxy '*' --output /dev/null "http://127.0.0.1:$clear/health" && break
    kill -0 "${processes[1]}" 2>/dev/null && ((tries < 100)) || { cat "$directory/serve.log" >&2; exit 1; }
    sleep 0.1
done

failed=0
check() {  # name, h2spec's arguments
    local name=$1; shift
    "$h2spec" "$@" -S -h 127.0.0.1 -o 2 >"$directory/$name.txt" 2>&1 || true
    local total
    total=$(grep -E '^[0-9]+ tests, ' "$directory/$name.txt" || echo "no total: $(tail -1 "$directory/$name.txt")")
    echo "h2spec $name: $total"
    if [[ $total != "$expected" ]]; then
        failed=1
        sed -n '/^Failures:/,$p' "$directory/$name.txt"
    fi
}
check tls -t -k -p "$tls"
check clear -p "$clear"
kill -0 "${processes[1]}" 2>/dev/null || { echo "h2spec: the server ended during the run" >&2; cat "$directory/serve.log" >&2; exit 1; }
exit "$failed"
