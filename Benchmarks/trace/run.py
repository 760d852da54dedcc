#!/usr/bin/env python3
"""Replays a trace of requests with several ways of choosing executors (`make bench-trace`).

Each way has a server of its own and simulated executors of its own, with prefix caches; all replay the same trace at
the same times. The hit ratio is what the executors have counted. Decoding does not slow down prefill in these
executors.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools.processes import Process, free_port  # noqa: E402

BALANCES = ("round-robin", "least-load", "prefix")
# The CPU cores for all servers, executors and clients. They share both cores, because the routers that are compared
# run at the same time.
CORES = "0,1"


def ways(text):
    """The ways that an argument names, see `--ways`; each is a router and its options."""
    found = []
    for way in text.split(","):
        name, _, times = way.partition("*")
        router, *pairs = name.split(":")
        if router not in (*BALANCES, "before", "smg"):
            raise argparse.ArgumentTypeError(f"{router} is none of {', '.join(BALANCES)}, before and smg")
        if not all("=" in pair for pair in pairs) or not (times or "1").isdigit() or times == "0":
            raise argparse.ArgumentTypeError(f"{way} is not ROUTER[:OPTION=VALUE][*TIMES]")
        if router != "smg" and not all(pair.startswith(("cache=", "said=")) for pair in pairs):
            raise argparse.ArgumentTypeError(f"{way}: the options of {router} are cache and said")
        found += [(name, router, dict(pair.split("=", 1) for pair in pairs))] * int(times or 1)
    return found


class Replay:
    """One way of choosing executors: its executors, its server, and the client that replays the trace."""

    def __init__(self, name, router, settings, seed, options, folder):
        self.name, self.options, self.seed = name, options, seed
        settings = dict(settings)
        self.speaks = []
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.processes = []
        ports = [free_port() for _ in range(options.executors)]
        simulator = ["executor", "--cache-tokens", settings.pop("cache", options.cache_tokens)]
        simulator += ["--prefill-rate", options.prefill_rate]
        said = settings.pop("said", None)
        if said:
            simulator += ["--cache-tokens-said", said]
        for port in ports:
            self.start(f"executor-{port}", port, options.freeinference, *simulator, "--listen", f"127.0.0.1:{port}")
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        self.port, self.spare = free_port(), free_port()
        if router == "smg":
            self.start_smg(settings)
        elif router == "before":
            self.start_server(options.before, "least-load", said)
        else:
            self.start_server(options.freeinference, router, said)

    def start_server(self, binary, balance, asks):
        """Our own server; only if `asks`, its probes ask the executors how large their caches are."""
        interval = "1s" if asks else "0s"
        member = f"kind: vllm, health: {{interval: {interval}}}"
        members = "".join(f"\n      - {{url: '{url}', {member}}}" for url in self.urls)
        configuration = self.folder / "freeinference.yaml"
        configuration.write_text(
            f"""\
listeners: [{{address: '127.0.0.1:{self.port}'}}]
admin: {{address: '127.0.0.1:{self.spare}', socket: 'off'}}
workers: 1
drain_timeout: 1s
timeouts: {{first_event: 3600s, stall: 3600s}}
limits: {{per_address: {{new_connections: 'off', handshakes: 'off'}}, prefill_resets: 'off'}}
models:
  - id: demo
    balance: {balance}
    executors:{members}
"""
        )
        self.start("server", self.port, binary, "serve", "--config", configuration)

    def start_smg(self, settings):
        """SMG with its defaults and `settings`, without its limits on requests and times, which this load exceeds."""
        self.speaks = ["--http1"]
        command = [self.options.smg, "launch", "--host", "127.0.0.1", "--port", self.port, "--policy", "cache_aware"]
        for option, value in settings.items():
            command += [f"--{option}", value]
        command += ["--prometheus-host", "127.0.0.1", "--prometheus-port", str(self.spare), "--log-level", "error"]
        command += ["--max-concurrent-requests", "100000", "--request-timeout-secs", "3600"]
        command += ["--disable-retries", "--disable-circuit-breaker", "--worker-urls", *self.urls]
        server = self.start("server", self.port, *command)
        for _ in range(300):
            try:
                models = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/models", timeout=5).read()
                if b"demo" in models:
                    return
            except OSError:
                pass
            time.sleep(0.2)
        sys.exit(f"{self.name} has not found its executors: {server.said()}")

    def start(self, label, port, *command):
        process = Process(CORES, command, self.folder, label)
        self.processes.append(process)
        process.ready(port)
        return process

    def begin(self):
        options = self.options
        command = [options.freeinference, "bench", "trace", "--json", "--url", f"http://127.0.0.1:{self.port}"]
        command += ["--file", options.trace, "--speed", str(options.speed), "--max-tokens", str(options.max_tokens)]
        command += ["--executors", ",".join(self.urls), "--seed", str(self.seed)]
        command += self.speaks
        if options.limit:
            command += ["--limit", str(options.limit)]
        with open(self.folder / "bench.json", "wb") as said, open(self.folder / "bench.log", "wb") as log:
            self.client = subprocess.Popen(command, stdout=said, stderr=log)

    def result(self):
        self.client.wait()
        text = (self.folder / "bench.json").read_text()
        if not text.strip():
            sys.exit(f"{self.name}: {(self.folder / 'bench.log').read_text()[-2000:]}")
        return json.loads(text)

    def reasons(self):
        """How many requests were routed for which reason, by the server's log."""
        found = {}
        for line in (self.folder / "server.log").read_text(errors="replace").splitlines():
            if line.startswith("{"):
                reason = json.loads(line).get("routed_by")
                if reason:
                    found[reason] = found.get(reason, 0) + 1
        return found

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


def table(name, report, reasons):
    first = report["first_token_ms"]
    seconds = " ".join(f"{first[key] / 1000:8.2f}" for key in ("mean", "p50", "p90", "p99"))
    hit = report.get("hit_ratio")
    hit = "       -" if hit is None else f"{hit:8.3f}"
    faults = report["refused"] + report["broken"]
    skew = report.get("skew")
    skew = "     -" if skew is None else f"{skew:6.2f}"
    late = report["late_ms"]["p99"]
    counts = f"{report['answered']:8} {faults:6}"
    print(f"{name:44} {counts} {hit} {seconds} {skew} {late:9.1f}  {reasons or ''}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--freeinference", required=True, help="the binary; also the executors and the client")
    parser.add_argument("--before", help="the binary of before, which is run with least-load as well")
    parser.add_argument("--smg", help="the program smg of PyPI, which is run with its policy cache_aware as well")
    parser.add_argument("--trace", required=True, help="a file of requests, see `freeinference bench trace --help`")
    parser.add_argument(
        "--ways",
        type=ways,
        help=f"with commas: {', '.join(BALANCES)}, before and smg, each as ROUTER[:OPTION=VALUE][*TIMES]; options are "
        "cache (the tokens of each executor's cache), said (the tokens that it says it has) and smg's own, such as "
        "balance-abs-threshold; each of several TIMES has the next seed (default: all that can be run)",
    )
    parser.add_argument("--speed", type=float, default=1.5)
    parser.add_argument("--limit", type=int, help="requests at most")
    parser.add_argument("--executors", type=int, default=8)
    parser.add_argument("--cache-tokens", type=int, default=512_000, help="of each executor (default: %(default)s)")
    parser.add_argument("--prefill-rate", type=int, default=8000, help="tokens a second (default: %(default)s)")
    parser.add_argument("--max-tokens", type=int, default=8, help="of an answer (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one-by-one", action="store_true", help="one after the other, in place of all at once")
    options = parser.parse_args()
    possible = [router for router in ("before", "smg") if getattr(options, router)]
    chosen = options.ways or ways(",".join((*BALANCES, *possible)))
    for _, router, _ in chosen:
        if router not in (*BALANCES, *possible):
            parser.error(f"the way {router} needs --{router}")
    seeds = [options.seed + chosen[:index].count(way) for index, way in enumerate(chosen)]
    runs = [(*way, seed) for way, seed in zip(chosen, seeds)]
    print(" ".join(sys.argv))
    titles = " ".join(f"{title:>8}" for title in ("hits", "mean", "p50", "p90", "p99"))
    print(f"{'':44} {'answered':>8} {'faults':>6} {titles} {'skew':>6} {'late ms':>9}")
    folder = tempfile.mkdtemp(prefix="trace.")
    try:
        for group in [[run] for run in runs] if options.one_by_one else [runs]:
            replays = []
            try:
                for run in group:
                    replays.append(Replay(*run, options, folder))
                for replay in replays:
                    replay.begin()
                for replay in replays:
                    report = replay.result()
                    table(replay.name, report, replay.reasons())
            finally:
                for replay in replays:
                    replay.stop()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
