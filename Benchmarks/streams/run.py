#!/usr/bin/env python3
"""Token streams through FreeInference Edge and through HAProxy, in one run (`make bench-streams`).

Both proxies use TLS and HTTP/2 to the same clients with the same P-256 certificate, and HTTP/1.1 over TCP to the same
executor. Each has one thread on core 0; everything else runs on core 1; there are no access logs. Each measurement
starts new processes. The measurements alternate, so that changes in the machine's load affect both proxies alike.

    CPU per token  the scheduler's run time of the proxy's threads (/proc/PID/task/*/schedstat, in nanoseconds)
                   between two marks of `freeinference bench`, divided by the tokens counted between them
    latency        from the executor's timestamp in a token to its arrival at the client
    memory         (resident at 250 streams per connection - resident at 100), divided by the additional streams,
                   while all streams are running
"""

import argparse
import json
import os
import resource
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from proxies import FreeInference, HAProxy, Unable  # noqa: E402
from scenarios.scenario import OTHER_CORE, PROXY_CORE, Scenario  # noqa: E402
from summary import OURS, THEIRS, summarise, table  # noqa: E402
from tools import certificate  # noqa: E402
from tools.load import token_streams  # noqa: E402

KINDS = {OURS: FreeInference, THEIRS: HAProxy}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench(Scenario):
    def __init__(self, options, folder):
        super().__init__(options, *certificate.make(folder))

    def measure(self, proxy, mode, streams):
        options = self.options
        spread = ["--spread"] if mode == "spread" else []
        with self.stand(KINDS[proxy].find(options), "--pace", options.pace, *spread) as stand:
            row = token_streams(
                stand.proxy, stand.executor, options.freeinference, stand.url, self.certificate, stand.folder,
                options.connections, streams, options.warmup, options.seconds, OTHER_CORE, started=stand.started,
            )
        return {"proxy": proxy, "mode": mode, "streams": streams, **row}


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
            # Each round reverses the order of the proxies, so that no proxy is always measured after another one.
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
    for proxy, what in bench.negotiated.items():
        print(f"{proxy} negotiated {what}")
    if len(set(bench.negotiated.values())) > 1:
        print("NOTE: the two did not negotiate the same, so this compares more than proxies")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(
        json.dumps(
            {
                "settings": {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()},
                "negotiated": bench.negotiated,
                "summary": summary,
                "memory_kb_a_stream": memory,
                "rounds": rounds,
            },
            indent=2,
        )
    )
    print(f"every measurement is in {options.json}")


if __name__ == "__main__":
    try:
        main()
    except Unable as reason:
        raise SystemExit(f"bench-streams: {reason}") from None
