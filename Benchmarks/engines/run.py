#!/usr/bin/env python3
"""Conversations with real engines behind the server, with each way of choosing one (`make bench-engines`).

Two vLLM servers with a small random model have prefix caches that hold all conversations together, but not all of them
twice. Each way begins with cold caches and gets the same conversations at the same times. "one-engine" has both caches
in one, which says how many hits are possible. The hit ratio is what the engines have counted.

Exits with 1 if a request failed, or if `prefix` hits less than `--least`.
"""

import argparse
import json
import signal
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT / "Tests/VLLM"), str(ROOT / "Tests/EngineSupport")]
import model  # noqa: E402
import sessions  # noqa: E402
from clients import CHAT, ENGINE_CHAT  # noqa: E402
from engine import RUNNING_MAX, Engine  # noqa: E402
from servers import Edge, eventually, free_ports  # noqa: E402
from tools.machine import machine  # noqa: E402

# The model is so large that a prompt of some thousand tokens takes a second on one core. So the times show whether
# a prompt was in an engine's prefix cache.
SHAPE = model.Shape(dimensions=256, heads=4, head_dimensions=64, feed_forward=704, layers=4)
CONTEXT_TOKENS = 16384
BEFORE, ONE = "least-load-before", "one-engine"
WAYS = ("least-load", "prefix", ONE)


def start_engine(name, folder, cache_tokens, block_tokens):
    # Without `--dtype float32`, vLLM would choose a precision that most CPUs only emulate. `VLLM_SERVER_DEV_MODE` adds
    # the endpoint that empties the prefix cache.
    [port] = free_ports(1)
    arguments = ["--enable-prefix-caching", "--enable-prompt-tokens-details", "--dtype", "float32"]
    arguments += ["--block-size", block_tokens, "--num-gpu-blocks-override", cache_tokens // block_tokens]
    arguments += ["--max-model-len", CONTEXT_TOKENS]
    return Engine(name, folder, port, 0, arguments, {"VLLM_SERVER_DEV_MODE": "1"})


def counts(engine):
    names = ("vllm:prefix_cache_hits_total", "vllm:prefix_cache_queries_total", "vllm:request_success_total")
    return [int(engine.metric(name)) for name in names]


def make_cold(engine):
    """Empties the engine's cache. It refuses while it holds blocks for a request."""
    def is_reset():
        status, body = engine.post("/reset_prefix_cache", {})
        assert status == 200, f"{engine.name} cannot reset its cache: {status} {body}"
        return json.loads(body)["success"]
    eventually(is_reset, f"{engine.name} to reset its cache")


def configuration(engines, balance):
    executors = ", ".join(
        f'{{url: "http://127.0.0.1:{one.port}", model: {ENGINE_CHAT}, kind: vllm}}' for one in engines)
    return f"models:\n  - id: {CHAT}\n    balance: {balance}\n    executors: [{executors}]\n"


class Run:
    """One way in one round: a server of its own, cold engines, and what has come of it."""

    def __init__(self, way, engines, binary, plan, options, folder):
        self.way = way
        folder.mkdir()
        for engine in engines:
            make_cold(engine)
        before = [counts(engine) for engine in engines]
        edge = Edge(folder, configuration(engines, way if way in ("least-load", "prefix") else "least-load"), binary)
        try:
            edge.ready("/health")
            self.answered = sessions.run(edge.clear, CHAT, *plan, options.answer_tokens)
            self.wait_for_counters(engines, before)
            self.ends = [one - was for engine, old in zip(engines, before) for one, was in zip(counts(engine), old)]
        finally:
            status = edge.stop()
        assert status == 0, f"the server ended with {status}:\n{edge.said()[-6000:]}"
        # An older binary (`--before`) does not log `routed_by`, the reason for the choice of an executor.
        self.reasons = Counter(line.get("routed_by", "") for line in edge.log() if line.get("model") == CHAT)

    def wait_for_counters(self, engines, before):
        """Waits until the engines have counted all that they answered; they do so a moment after an answer's end."""
        def is_counted():
            ended = sum(counts(engine)[2] - old[2] for engine, old in zip(engines, before))
            return ended >= len(self.answered.first)
        eventually(is_counted, "the engines' counters")

    def hit_ratio(self):
        return sum(self.ends[0::3]) / max(1, sum(self.ends[1::3]))

    def row(self, number):
        first = sorted(self.answered.first) or [float("nan")]

        def percentile(share):
            return first[min(len(first) - 1, int(share * len(first)))]

        times = " | ".join(f"{time:.2f}" for time in [statistics.mean(first), *map(percentile, (0.5, 0.9, 0.99))])
        late = max(self.answered.late, default=0)
        requests = " + ".join(map(str, self.ends[2::3]))
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self.reasons.items()) if reason)
        return f"| {self.way} | {number} | {self.hit_ratio():.3f} | {times} | {requests} |" \
               f" {len(self.answered.failures)} | {late:.1f} | {reasons} |"


def say_settings(options, engines):
    print(" ".join(sys.argv))
    print(machine())
    sizes = ", ".join(f"{engine.name} {size} tokens" for engine, size in engines)
    print(f"caches: {sizes}; blocks of {options.block_tokens}, at most {RUNNING_MAX} requests at a time, float32,"
          " one thread")
    print(f"model: {SHAPE}")
    print(f"load: {options.sessions} sessions of {options.turns} turns within {options.seconds} s, a system prompt of"
          f" {options.system_bytes} bytes, what users say {options.turn_bytes / 2:.0f} to"
          f" {options.turn_bytes * 1.5:.0f} bytes, answers of {options.answer_tokens} tokens; the seed of round 1 is"
          f" {options.seed}", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--freeinference", type=Path, required=True, help="the binary of the server")
    parser.add_argument("--before", type=Path, help="another binary, which is run with least-load as well")
    parser.add_argument("--ways", default=",".join(WAYS), help="with commas (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="each with a seed of its own (default: %(default)s)")
    parser.add_argument("--cache-tokens", type=int, default=61440,
                        help="of each of the two engines (default: %(default)s)")
    parser.add_argument("--block-tokens", type=int, default=32, help="of a block of the cache, which holds only whole"
                        " blocks; vLLM's own are 16 on GPUs and 128 on CPUs (default: %(default)s)")
    parser.add_argument("--sessions", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--turns", type=int, default=6, help="of a session (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=180, help="from the first turn to the last, about"
                        " (default: %(default)s)")
    parser.add_argument("--system-bytes", type=int, default=700, help="(default: %(default)s)")
    parser.add_argument("--turn-bytes", type=int, default=3000, help="of what a user says, in the mean"
                        " (default: %(default)s)")
    parser.add_argument("--answer-tokens", type=int, default=48, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--least", type=float, default=0, help="the least hit ratio of prefix (default: %(default)s)")
    parser.add_argument("--logs", type=Path, help="a folder to make, in which all logs stay")
    options = parser.parse_args()
    options.ways = options.ways.split(",")
    if unknown := set(options.ways) - set(WAYS):
        parser.error(f"no such way: {', '.join(sorted(unknown))}; there are {', '.join(WAYS)}")
    for binary in filter(None, (options.freeinference, options.before)):
        if not binary.is_file():
            parser.error(f"no binary at {binary}")
    options.freeinference = options.freeinference.resolve()
    if options.before:
        options.before = options.before.resolve()
        options.ways.insert(0, BEFORE)
    return options


def measure(options, folder, servers):
    """Runs all ways in all rounds and prints a row of each; returns them."""
    model.write(folder / "model", SHAPE)
    sizes = [("engine-1", options.cache_tokens), ("engine-2", options.cache_tokens)]
    if ONE in options.ways:
        sizes.append(("engine-both", 2 * options.cache_tokens))
    for name, size in sizes:
        servers.append(start_engine(name, folder, size, options.block_tokens))
    engines = list(servers)
    for engine in engines:
        engine.is_up()
        # What an engine does only for its first request is not measured.
        sessions.stream(engine.port, ENGINE_CHAT, [{"role": "user", "content": "Hello"}], 8)
    say_settings(options, list(zip(engines, (size for _, size in sizes))))
    print("| | round | hits | mean | p50 | p90 | p99 | requests | failed | latest, s | routed by |")
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    runs = []
    for number in range(1, options.rounds + 1):
        plan = sessions.plan(options.seed + number - 1, options)
        # Every second round measures the ways in reverse order.
        for way in options.ways if number % 2 else reversed(options.ways):
            binary = options.before if way == BEFORE else options.freeinference
            asked = engines[2:] if way == ONE else engines[:2]
            runs.append(Run(way, asked, binary, plan, options, folder / f"{way}-{number}"))
            print(runs[-1].row(number), flush=True)
    return runs


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    servers = []
    with tempfile.TemporaryDirectory(prefix="bench-engines-") as temporary:
        folder = options.logs.resolve() if options.logs else Path(temporary, "logs")
        folder.mkdir()
        try:
            runs = measure(options, folder, servers)
        finally:
            for server in reversed(servers):
                server.stop()
    answered = [run.answered for run in runs]
    print(f"prompts: {max(one.prompt_tokens for one in answered)} tokens a run; all sessions at their ends hold"
          f" {max(one.held_tokens for one in answered)}")
    failures = Counter(failure for one in answered for failure in one.failures)
    for failure, count in failures.most_common(10):
        print(f"{count} failed: {failure}", file=sys.stderr)
    low = [run for run in runs if run.way == "prefix" and run.hit_ratio() < options.least]
    for run in low:
        print(f"prefix hits {run.hit_ratio():.3f}, less than {options.least}", file=sys.stderr)
    sys.exit(1 if failures or low else 0)


if __name__ == "__main__":
    main()
