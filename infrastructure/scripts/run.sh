#!/usr/bin/env bash
# `make run`: an executor and the server in front of it, on loopback and without privileges, with a development
# certificate. Prints one curl line once both are ready. Ctrl-C ends both; so does the end of either.
# The ports here are those of infrastructure/examples/development.yaml.
set -euo pipefail
cd "$(dirname "$0")/../.."

binary=${FREEINFERENCE_BINARY:-.build/release/freeinference}
for port in 8443 8080 8100 9901; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        echo "run: port $port of 127.0.0.1 is in use: end what listens there (ss -ltnp 'sport = :$port') and try again" >&2
        exit 1
    fi
done

# Makes a certificate if there is none, or if it expires within a day.
if ! openssl x509 -noout -checkend 86400 -in certs/chain.pem >/dev/null 2>&1; then
    "$binary" certificate --directory certs >/dev/null
fi

# Each process has its own session, so that only this script gets the terminal's Ctrl-C. Otherwise the server would
# count Ctrl-C and our SIGTERM as two signals, and cut its streams.
log=.build/run.log
setsid "$binary" executor --listen 127.0.0.1:8100 --model demo --prefill 300ms --pace 20 >.build/run-executor.log 2>&1 &
executor=$!
setsid "$binary" serve --config infrastructure/examples/development.yaml >"$log" &
server=$!

# Waits for the end of a process, even if a signal arrives meanwhile.
ended() {
    while kill -0 "$1" 2>/dev/null; do wait "$1" 2>/dev/null || true; done
}

# The executor keeps running while the server finishes its streams. A second Ctrl-C cuts them.
finish() {
    trap 'kill -TERM "$server" 2>/dev/null || true' INT TERM
    kill -TERM "$server" 2>/dev/null || true
    ended "$server"
    kill -TERM "$executor" 2>/dev/null || true
    ended "$executor"
    echo "run: ended; the server's log is $log"
}
trap finish EXIT
trap 'exit 0' INT TERM

for ((tries = 0; ; tries++)); do
    kill -0 "$executor" 2>/dev/null || { echo "run: the executor did not start:" >&2; cat .build/run-executor.log >&2; exit 1; }
    kill -0 "$server" 2>/dev/null || { echo "run: the server did not start" >&2; exit 1; }
    curl --silent --fail --noproxy '*' --cacert certs/ca.pem --output /dev/null https://localhost:8443/health && break
    ((tries < 100)) || { echo "run: not ready after 10 s (log: $log)" >&2; exit 1; }
    sleep 0.1
done

cat <<'LINE'
curl --http2 --cacert certs/ca.pem -N https://localhost:8443/v1/chat/completions -H 'content-type: application/json' -d '{"model":"demo","stream":true,"max_tokens":64,"messages":[{"role":"user","content":"Tell me a story."}]}'
LINE
wait -n "$server" "$executor" || true
echo "run: the server or its executor ended by itself (.build/run.log, .build/run-executor.log)" >&2
exit 1
