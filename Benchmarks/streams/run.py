#!/usr/bin/env python3
"""Token streams through FreeInference Edge and through HAProxy, in one run (`make bench-streams`).

Both proxies speak TLS and HTTP/2 to the same clients with the same P-256 certificate, and HTTP/1.1 over TCP to the same
executor; one thread each, on core 0, everything else on core 1; no access logs. A fresh process for each measurement,
and the measurements interleaved, so that neither meets a better hour of the machine.

  CPU a token   what the scheduler gave the proxy's threads (/proc/PID/task/*/schedstat, in nanoseconds) between the two
                marks of `freeinference bench`, by the tokens that it counted between them
  latency       from the executor's stamp in a token to its arrival in the client
  memory        (resident at 250 streams a connection - resident at 100) by the streams between them, taken while all
                streams are running
"""

import argparse
import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from processes import Process, free_port  # noqa: E402
from summary import OURS, THEIRS, summarise, table  # noqa: E402

PROXY_CORE, OTHER_CORE = 0, 1

HAPROXY = """\
global
    nbthread 1
    maxconn 8000
    tune.h2.max-concurrent-streams 1100
    ssl-default-bind-options ssl-min-ver TLSv1.2

defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout http-request 1h
    timeout http-keep-alive 1h

frontend edge
    bind 127.0.0.1:{port} ssl crt {pem} alpn h2,http/1.1
    maxconn 8000
    default_backend executors

backend executors
    http-reuse always
    server executor 127.0.0.1:{executor}
"""

FREEINFERENCE = """\
listeners:
  - address: 127.0.0.1:{port}
    tls:
      certificates:
        - chain: {chain}
          key: {key}
admin:
  address: 127.0.0.1:{admin}
workers: 1
log:
  access: false
models:
  - id: demo
    executors:
      - url: http://127.0.0.1:{executor}
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.certificate, self.key, self.pem = folder / "certificate.pem", folder / "key.pem", folder / "both.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", self.key, "-out", self.certificate],
            check=True, stderr=subprocess.DEVNULL,
        )
        self.pem.write_text(self.certificate.read_text() + self.key.read_text())
        self.ciphers = {}

    def start_proxy(self, proxy, port, executor):
        values = dict(port=port, executor=executor, pem=self.pem, chain=self.certificate, key=self.key)
        if proxy == THEIRS:
            file = self.folder / "haproxy.cfg"
            file.write_text(HAPROXY.format(**values))
            command = [self.options.haproxy, "-db", "-q", "-f", file]
        else:
            file = self.folder / "freeinference.yaml"
            file.write_text(FREEINFERENCE.format(**values, admin=free_port()))
            command = [self.options.freeinference, "serve", "--config", file]
        process = Process(PROXY_CORE, command, self.folder, proxy)
        process.ready(port)
        if proxy not in self.ciphers:
            self.ciphers[proxy] = self.negotiated(port)
        return process

    def negotiated(self, port):
        context = ssl.create_default_context(cafile=self.certificate)
        context.set_alpn_protocols(["h2"])
        with socket.create_connection(("127.0.0.1", port)) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                return f"{tls.version()} {tls.cipher()[0]} {tls.selected_alpn_protocol()}"

    def measure(self, proxy, mode, streams):
        options = self.options
        executor_port, port = free_port(), free_port()
        command = [options.executor, "executor", "--listen", f"127.0.0.1:{executor_port}", "--model", "demo"]
        command += ["--pace", options.pace] + (["--spread"] if mode == "spread" else [])
        processes = [Process(OTHER_CORE, command, self.folder, "executor")]
        try:
            processes[0].ready(executor_port)
            process = self.start_proxy(proxy, port, executor_port)
            processes.append(process)
            load = [options.freeinference, "bench", "streams", "--url", f"https://127.0.0.1:{port}"]
            load += ["--ca", self.certificate, "--model", "demo", "--connections", options.connections, "--json"]
            load += ["--streams", streams, "--warmup", options.warmup, "--seconds", options.seconds, "--hold", 1]
            bench = Process(OTHER_CORE, load, self.folder, "bench", piped=True)
            processes.append(bench)
            bench.wait_for("bench: measuring")
            before, executor = process.cpu(), processes[0].cpu()["run"]
            bench.wait_for("bench: measured")
            after, executor = process.cpu(), processes[0].cpu()["run"] - executor
            memory = process.memory()
            bench.child.wait(60)
            result = json.loads(bench.log.read_text())
        finally:
            for started in reversed(processes):
                started.stop()
        total = options.connections * streams
        if min(result["running_at_start"], result["running_at_end"]) < total:
            raise SystemExit(f"bench-streams: not all streams ran through {proxy}: {result}")
        tokens = result["tokens"]
        spent = {name: after[name] - before[name] for name in before}
        return {
            "proxy": proxy,
            "mode": mode,
            "streams": streams,
            "cpu_us": 1e6 * spent["run"] / tokens,
            "user_us": 1e6 * spent["user"] / tokens,
            "system_us": 1e6 * spent["system"] / tokens,
            "core": spent["run"] / result["seconds"],
            "executor_us": 1e6 * executor / tokens,
            "bench_us": result["bench_cpu_us_per_token"],
            "tokens": tokens,
            "tokens_per_second": result["tokens_per_second"],
            "rss_kb": memory["VmRSS"],
            "anonymous_kb": memory["RssAnon"],
            "p50_ms": result["latency_ms"]["p50"],
            "p99_ms": result["latency_ms"]["p99"],
            "gap_p99_ms": result["gap_ms"]["p99"],
            "first_p99_ms": result["first_token_ms"]["p99"],
            "broken": result["broken"],
        }


def narrow(options, parser):
    left = {word for word in options.only.split(",") if word}
    for name in ("proxies", "modes", "streams"):
        values = getattr(options, name)
        chosen = [value for value in values if str(value) in left]
        left -= {str(value) for value in chosen}
        setattr(options, name, chosen or values)
    if left:
        parser.error(f"--only: {', '.join(sorted(left))}: no such proxy, mode or number of streams")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--freeinference", default=".build/release/freeinference")
    parser.add_argument("--executor", help="the program whose `executor` is used, if it is another one")
    parser.add_argument("--haproxy", default="haproxy")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement's steady part")
    parser.add_argument("--warmup", type=int, default=3, help="seconds before it; streams are opened in its first half")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--streams", type=lambda text: [int(n) for n in text.split(",")], default=[100, 250])
    parser.add_argument("--pace", type=int, default=50, help="tokens per second of each stream")
    parser.add_argument("--only", default="", metavar="WORDS",
                        help="measure only these, as in `haproxy,burst,100`: of proxies, modes and streams")
    parser.add_argument("--json", type=Path, default=Path(".build/bench-streams.json"))
    options = parser.parse_args()
    options.executor = options.executor or options.freeinference
    options.modes, options.proxies = ["burst", "spread"], [OURS, THEIRS]
    narrow(options, parser)

    if not {PROXY_CORE, OTHER_CORE} <= os.sched_getaffinity(0):
        raise SystemExit("bench-streams: cores 0 and 1 are both needed")
    os.sched_setaffinity(0, {OTHER_CORE})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    rounds = []
    with tempfile.TemporaryDirectory(prefix="bench-streams-") as folder:
        bench = Bench(options, Path(folder))
        for number in range(options.rounds):
            # The order turns round each time, too.
            order = options.proxies if number % 2 == 0 else options.proxies[::-1]
            for mode in options.modes:
                for streams in options.streams:
                    for proxy in order:
                        row = bench.measure(proxy, mode, streams)
                        row["round"] = number
                        rounds.append(row)
                        say(f"round {number + 1}/{options.rounds} {mode} {options.connections}x{streams} {proxy}:"
                            f" {row['cpu_us']:.2f} us/token, p50 {row['p50_ms']:.3f} p99 {row['p99_ms']:.3f} ms,"
                            f" {row['rss_kb'] / 1024:.1f} MB, {row['broken']} broken;"
                            f" executor {row['executor_us']:.2f} and bench {row['bench_us']:.2f} us/token")
    summary, memory = summarise(rounds, options)
    table(summary, memory, options)
    for proxy, what in bench.ciphers.items():
        print(f"{proxy} negotiated {what}")
    if len(set(bench.ciphers.values())) > 1:
        print("NOTE: the two did not negotiate the same, so this compares more than proxies")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(
        json.dumps(
            {
                "settings": {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()},
                "negotiated": bench.ciphers,
                "summary": summary,
                "memory_kb_a_stream": memory,
                "rounds": rounds,
            },
            indent=2,
        )
    )
    print(f"every measurement is in {options.json}")


if __name__ == "__main__":
    main()
