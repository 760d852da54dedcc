#!/usr/bin/env python3
"""A well-behaved client beside an attacker with one address, then with 200 (`make bench-attackers`).

The server has processor 0. Client, executors and attacker share processor 1. Server, client and attacker have a network
namespace each; a bridge joins them. The attacker, and the executor of its model, get only the idle time of processor 1
(SCHED_IDLE), as in Benchmarks/attacks: else the figures would show how the client waits for its own processor. The
client asks for less than half of that processor, so that the attacker has the larger part.

For each attack the same load runs alone and then beside the attack, on the same server: short requests one after the
other on one connection, token streams, and short requests that each have a new connection. Reports the 99th
percentiles of both, what failed, the server's share of its processor and its memory.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
from tools import certificate  # noqa: E402
from tools.attacking import PROCESS, memory, percentile, pin  # noqa: E402
from tools.processes import Failed, Process, free_port  # noqa: E402
from isolation import isolate  # noqa: E402
import network  # noqa: E402
from kinds import HALF_BODIES, KINDS  # noqa: E402

SERVER_CORE, OTHER_CORE = 0, 1
MEMORY_LIMIT = 256 << 20
RATIO_MAX = 2.0
# The seconds that an attack that ends by itself may need in addition to the planned time.
PATIENCE = 120
EXAMPLE = ROOT / "infrastructure/examples/open-internet.yaml"

CONFIGURATION = """\
listeners:
  - address: {server}:{tls}
    tls: {{certificates: [{{chain: {certificate}, key: {key}}}]}}
  - address: {server}:{clear}
admin: {{address: '127.0.0.1:{admin}', socket: off}}
workers: 1
memory_limit: 256MiB
authentication: {{required: true, keys: {folder}/keys.sqlite, secret: {folder}/secret}}
models:
  - id: demo
    executors: [{{url: 'http://127.0.0.1:{executor}'}}]
  - id: other
    executors: [{{url: 'http://127.0.0.1:{other}'}}]
"""
# The limits to measure with if the example configuration does not exist.
LIMITS = """\
limits:
  per_address:
    connections: 100
    new_connections: 50
    handshakes: 20
    requests: 100
    streams: 50
    body_bytes: 32MiB
    unknown_keys: 60
"""
COUNTERS = ("freeinference_per_address_refusals_total", "freeinference_clients_refused_total",
            "freeinference_handshake_failures_total", "freeinference_exchanges_total",
            "freeinference_accept_pauses_total", "freeinference_connections_accepted_total")


def section(text, name):
    """A top-level section of a YAML text, with its lines as they are."""
    lines, found = [], False
    for line in text.splitlines():
        if line[:1].strip() and not line.startswith("#"):
            found = line.startswith(f"{name}:")
        if found:
            lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def configuration(options, kind):
    """Which configuration is measured: "shipped" or "documented"."""
    if options.before:
        return "shipped"
    if options.configuration == "by-attack":
        return "documented" if KINDS[kind].is_limited else "shipped"
    return options.configuration


def limits(name):
    """The limits of a configuration; none of the shipped one, since they are the defaults."""
    if name == "shipped":
        return ""
    return section(EXAMPLE.read_text(), "limits") if EXAMPLE.exists() else LIMITS


class Stand:
    """The server with its executors. Each process is appended to `started` for the caller, who ends it."""

    def __init__(self, options, folder, pair, limits, started):
        self.options, self.folder, self.authority = options, folder, pair[0]
        self.tls, self.clear, self.admin, executor, other = (free_port() for _ in range(5))
        self.started = started
        for port, name, pace in ((executor, "demo", 50), (other, "other", 0)):
            command = [options.freeinference, "executor", "--listen", f"127.0.0.1:{port}", "--model", name,
                       "--pace", pace, "--spread"]
            command = ["chrt", "--idle", "0", *command] if name == "other" else command
            self.start(OTHER_CORE, command, f"executor-{name}").ready(port)
        file = folder / "configuration.yaml"
        file.write_text(CONFIGURATION.format(
            server=network.SERVER, tls=self.tls, clear=self.clear, admin=self.admin, executor=executor, other=other,
            certificate=pair[0], key=pair[1], folder=folder) + limits)
        self.keys = [self.make_key(file, tenant) for tenant in ("client", "attacker")]
        # The server writes its access log, as it does by default, but to /dev/null.
        serve = ["sh", "-c", 'exec "$0" serve --config "$1" >/dev/null', options.freeinference, file]
        self.server = self.start(SERVER_CORE, serve, "server")
        self.server.ready(self.admin)

    def start(self, core, command, name, **more):
        self.started.append(Process(core, command, self.folder, name, **more))
        return self.started[-1]

    def make_key(self, file, tenant):
        made = subprocess.run([self.options.freeinference, "keys", "create", "--tenant", tenant, "--config", file],
                              capture_output=True, text=True, timeout=30)
        if made.returncode:
            raise Failed(f"bench-attackers: keys create: {made.stderr.strip()}")
        return made.stdout.strip()

    def counters(self):
        """The counters of the server that tell what it refused, by name and labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        pairs = [line.rpartition(" ") for line in lines if line.startswith(COUNTERS)]
        return {name: float(value) for name, _, value in pairs}


@contextlib.contextmanager
def kept_awake(core):
    """Keeps a processor from sleeping, by a process that runs only while it is idle.

    A sleeping processor of a virtual machine wakes up late. Without an attack that would be a large part of what the
    client waits for, and the quiet figures would be too large to compare with.
    """
    command = ["taskset", "-c", str(core), "chrt", "--idle", "0", sys.executable, "-c", "while True: pass"]
    spinning = subprocess.Popen(command)
    try:
        yield
    finally:
        spinning.kill()
        spinning.wait()


class Innocent:
    """The short requests of the client, in a process of its own."""

    def __init__(self, options, client, stand, pause, fresh):
        command = [sys.executable, HERE / "innocent.py", "--server", network.SERVER, "--port", stand.tls,
                   "--ca", stand.authority, "--key", stand.keys[0], "--pause", pause, *(["--fresh"] if fresh else [])]
        self.child = subprocess.Popen(client.inside(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def finish(self):
        """Ends the requests; returns all that were made."""
        said, _ = self.child.communicate(timeout=60)
        return json.loads(said)


def part(measured, window):
    """The durations of the requests that were begun in a window of time, and the faults of those."""
    rows = [row for row in measured if window[0] <= row[0] < window[1]]
    return [taken for _, taken, fault in rows if fault is None], [fault for _, _, fault in rows if fault is not None]


class Attacked:
    """One measurement: the load alone, then beside the attack."""

    def __init__(self, options, spaces, stand, kind, addresses):
        self.options, self.stand, self.kind, self.addresses = options, stand, kind, addresses
        self.client, self.attacker = spaces

    def streams(self, name):
        """Starts the token streams; returns as soon as all of them run."""
        options, stand = self.options, self.stand
        command = [options.freeinference, "bench", "streams", "--url", f"https://{network.SERVER}:{stand.tls}",
                   "--ca", stand.authority, "--model", "demo", "--api-key", stand.keys[0], "--json", "--connections", 2,
                   "--streams", options.streams // 2, "--warmup", 2, "--seconds", options.seconds, "--hold", 0]
        bench = stand.start(OTHER_CORE, self.client.inside(*command), name, piped=True)
        bench.wait_for("bench: measuring")
        return bench

    def streams_end(self, bench):
        bench.wait_for("bench: measured")
        end = time.monotonic()
        bench.child.wait(120)
        return end, json.loads(bench.log.read_text())

    def quiet(self):
        begun, before = time.monotonic(), self.stand.server.cpu()["run"]
        end, streams = self.streams_end(self.streams("quiet"))
        return {"window": (begun, end), "streams": streams,
                "core": (self.stand.server.cpu()["run"] - before) / (end - begun)}

    def attacked(self):
        options, stand = self.options, self.stand
        bench = self.streams("beside")
        port = getattr(stand, KINDS[self.kind].listener)
        command = [sys.executable, HERE / "attacker.py", self.kind, "--server", network.SERVER, "--port", port,
                   "--addresses", ",".join(network.attackers(self.addresses)), "--key", stand.keys[1],
                   "--seconds", options.seconds, "--patience", PATIENCE if self.kind == "half-bodies" else 0]
        attacker = subprocess.Popen(self.attacker.inside(*command), stdout=subprocess.PIPE, text=True)
        try:
            if attacker.stdout.readline().strip() != "attacking":
                raise Failed("bench-attackers: the attacker did not start")
            begun, before = time.monotonic(), stand.server.cpu()["run"]
            end, streams = self.streams_end(bench)
            core = (stand.server.cpu()["run"] - before) / (end - begun)
            counts = json.loads(attacker.communicate(timeout=options.seconds + PATIENCE + 30)[0])
        finally:
            attacker.kill()
            attacker.wait()
        return {"window": (begun, end), "streams": streams, "core": core, "counts": counts}

    def measure(self):
        options, stand = self.options, self.stand
        innocents = [Innocent(options, self.client, stand, options.pause, False),
                     Innocent(options, self.client, stand, 1, True)]
        try:
            with kept_awake(OTHER_CORE):
                quiet = self.quiet()
            counters = stand.counters()
            beside = self.attacked()
            after = stand.counters()
            short, fresh = (innocent.finish() for innocent in innocents)
        finally:
            for innocent in innocents:
                innocent.child.kill()
                innocent.child.wait()
        if stand.server.child.poll() is not None:
            raise Failed(f"bench-attackers: the server ended with {stand.server.child.returncode}: "
                         f"{stand.server.said()}")
        grown = {name: value - counters.get(name, 0) for name, value in after.items() if value > counters.get(name, 0)}
        return {"attack": self.kind, "configuration": configuration(options, self.kind), "addresses": self.addresses,
                "memory": memory(stand.server.child.pid),
                "quiet": self.figures(quiet, short, fresh), "beside": self.figures(beside, short, fresh),
                "counts": beside["counts"], "counters": grown}

    def figures(self, phase, short, fresh):
        times, faults = part(short, phase["window"])
        new, new_faults = part(fresh, phase["window"])
        streams = phase["streams"]
        return {"short_p50_ms": percentile(times, 0.5), "short_p99_ms": percentile(times, 0.99),
                "requests": len(times), "failed": faults,
                "fresh_p99_ms": percentile(new, 0.99), "fresh": len(new), "fresh_failed": new_faults,
                "gap_p99_ms": streams["gap_ms"]["p99"], "latency_p99_ms": streams["latency_ms"]["p99"],
                "broken": streams["broken"], "tokens_per_second": streams["tokens_per_second"], "core": phase["core"]}


def judge(row):
    """What is not as it should be in a measurement."""
    name = f"{row['attack']} from {row['addresses']}"
    quiet, beside, found = row["quiet"], row["beside"], []
    for figure, what in (("short_p99_ms", "short requests"), ("gap_p99_ms", "gaps between tokens")):
        # If no request succeeded, the figure is NaN. The comparison is negated, so that NaN counts as above the limit.
        if not beside[figure] <= RATIO_MAX * quiet[figure]:
            found.append(f"{name}: p99 of {what} is {beside[figure] / quiet[figure]:.1f} times its quiet figure")
    for figure, what in (("failed", "short requests"), ("fresh_failed", "requests on new connections")):
        for phase, when in ((quiet, "without an attack"), (beside, "beside it")):
            if phase[figure]:
                found.append(f"{name}: {len(phase[figure])} {what} failed {when}: {sorted(set(phase[figure]))[:3]}")
    if beside["broken"]:
        found.append(f"{name}: {beside['broken']} streams broke")
    if row["memory"] > MEMORY_LIMIT + PROCESS:
        found.append(f"{name}: {row['memory'] >> 20} MiB of memory")
    ended = sum(value for key, value in row["counts"].items() if key.startswith(("status", "closed without")))
    if row["attack"] == "half-bodies" and ended < HALF_BODIES:
        found.append(f"{name}: of {HALF_BODIES} half bodies {HALF_BODIES - ended} neither ended nor were refused")
    return found


TITLES = ["attack", "configuration", "addresses", "short p99 ms, quiet, beside", "ratio",
          "gap p99 ms, quiet, beside", "ratio", "latency p99 ms, quiet, beside",
          "new connection p99 ms, quiet, beside", "failed: short, new, streams",
          "server's core, quiet, beside", "memory MiB", "attacker", "refused"]


def refused(row):
    """The counters of refusals, short enough for the table."""
    shown = []
    for name, value in row["counters"].items():
        if "refus" in name:
            shown.append(f"{name.partition('=')[2].strip('}').replace(chr(34), '')} {value:.0f}")
    return ", ".join(shown)


def line(row):
    quiet, beside = row["quiet"], row["beside"]

    def both(name):
        return f"{quiet[name]:.2f}, {beside[name]:.2f}"

    counts = ", ".join(f"{name} {value}" for name, value in sorted(row["counts"].items()) if value)
    cells = [row["attack"], row["configuration"], row["addresses"], both("short_p99_ms"),
             f"{beside['short_p99_ms'] / quiet['short_p99_ms']:.1f}",
             both("gap_p99_ms"), f"{beside['gap_p99_ms'] / quiet['gap_p99_ms']:.1f}", both("latency_p99_ms"),
             both("fresh_p99_ms"), f"{len(beside['failed'])}, {len(beside['fresh_failed'])}, {beside['broken']}",
             both("core"), row["memory"] >> 20, counts, refused(row)]
    return f"| {' | '.join(map(str, cells))} |"


def measure(options, spaces, kind, addresses):
    """One row of the table, on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-attackers-") as name:
        folder, started = Path(name), []
        pair = certificate.make(folder, network.SERVER)
        try:
            stand = Stand(options, folder, pair, limits(configuration(options, kind)), started)
            with kept_awake(SERVER_CORE):
                return Attacked(options, spaces, stand, kind, addresses).measure()
        finally:
            for process in reversed(started):
                process.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freeinference", required=True, help="the binary")
    parser.add_argument("--configuration", choices=["by-attack", "shipped", "documented"], default="by-attack",
                        help="the defaults, or the limits of infrastructure/examples/open-internet.yaml; by-attack:"
                             " the latter for floods of requests, unknown keys and resets, else the defaults")
    parser.add_argument("--before", action="store_true",
                        help="the binary does not know these limits: it has the defaults, and is not judged")
    parser.add_argument("--only", help=f"these attacks, with commas between them: {', '.join(KINDS)}")
    parser.add_argument("--addresses", default="1,200", help=f"of the attacker, each at most {network.ATTACKERS_MAX}")
    parser.add_argument("--seconds", type=int, default=20, help="of each part")
    parser.add_argument("--streams", type=int, default=20, help="token streams of the client")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two short requests")
    parser.add_argument("--json", type=Path, default=ROOT / ".build/bench-attackers.json")
    options = parser.parse_args()
    options.freeinference = os.path.abspath(options.freeinference)
    names = options.only.split(",") if options.only else list(KINDS)
    if unknown := set(names) - set(KINDS):
        parser.error(f"--only: no attack {', '.join(sorted(unknown))}")
    if not {SERVER_CORE, OTHER_CORE} <= os.sched_getaffinity(0):
        raise SystemExit("bench-attackers: processors 0 and 1 are both needed")
    isolate("bench-attackers")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    pin(0, {OTHER_CORE})
    with contextlib.suppress(PermissionError):
        # Only root may raise the priority. The server and the measured clients then run before other programs of the
        # machine; the attacker does not get this priority.
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    spaces = network.make()
    print(f"| {' | '.join(TITLES)} |\n{'|---' * len(TITLES)}|", flush=True)
    rows, failed = [], []
    for kind in names:
        for addresses in map(int, options.addresses.split(",")):
            try:
                row = measure(options, spaces, kind, addresses)
            except (Failed, subprocess.TimeoutExpired) as error:
                failed.append(f"{kind} from {addresses}: {error}")
                continue
            rows.append(row)
            failed += judge(row)
            print(line(row), flush=True)
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(rows, indent=2))
    for text in failed:
        print(f"bench-attackers: {text}", file=sys.stderr)
    sys.exit(1 if failed and not options.before else 0)


if __name__ == "__main__":
    main()
