#!/usr/bin/env python3
"""Instructions and allocations of a short request, a streamed token and a TLS handshake (`make bench-instructions`).

They are counted by callgrind and not timed, so the load of the machine does not matter. Two runs of the server differ
in the number of requests, tokens or handshakes; the difference in instructions, divided by that number, is the
figure. ratchet.json holds the allowed figures; a figure that is more than 1 % above fails.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from script import Executor, Script  # noqa: E402
from server import Server, without_debug_information  # noqa: E402
from tools import certificate  # noqa: E402

RATCHET = Path(__file__).resolve().parent / "ratchet.json"
ALLOWED = 1.01

# Numbers of requests, tokens and handshakes: of the warm-up in every run, and of each measurement.
WARMUP = (20, 20, 3)
MEASURED = {"request": (400, 0, 0), "token": (0, 1000, 0), "handshake": (0, 0, 100)}


def say(text):
    print(text, file=sys.stderr, flush=True)


def run_once(program, folder, files, extra):
    executor = Executor()
    try:
        server = Server(program, folder, *files, executor.port)
        try:
            script = Script(server.port, files[0], executor)
            script.run(*(one + other for one, other in zip(WARMUP, extra)))
            executor.close()
            return server.stop()
        finally:
            server.kill()
    finally:
        executor.close()


def measure(program, folder, files, callees):
    """Instructions and allocations of each unit; prints the callers of `callees`."""
    base = run_once(program, folder, files, (0, 0, 0))
    found = {}
    for name, extra in MEASURED.items():
        counts, number = run_once(program, folder, files, extra), sum(extra)
        found[name] = {
            "instructions": round((counts.instructions - base.instructions) / number, 1),
            "allocations": round((counts.allocations - base.allocations) / number, 2),
        }
        if callees:
            say_callers(name, counts.callers(callees), base.callers(callees), number)
    return found


def say_callers(name, counts, base, number):
    counts.subtract(base)
    lines = [f"{calls / number:8.2f} {caller}" for caller, calls in counts.most_common() if calls / number >= 0.01]
    text = "\n".join([f"calls in a {name}: {sum(counts.values()) / number:.2f}", *lines])
    if shutil.which("swift"):
        text = subprocess.run(["swift", "demangle", "--simplified"], input=text, capture_output=True, text=True).stdout
    say(text)


def versions():
    """The versions of the libraries and of valgrind, because other versions may cost more or less."""
    packages = {"glibc": "libc6", "OpenSSL": "libssl3", "nghttp2": "libnghttp2-14", "simdjson": "libsimdjson14",
                "valgrind": "valgrind"}
    said = subprocess.run(["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", *packages.values()],
                          capture_output=True, text=True).stdout
    installed = dict(line.split() for line in said.splitlines())
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout
    return {name: installed.get(package) for name, package in packages.items()} | {"Swift": swift.splitlines()[0]}


def median(rounds):
    return {
        name: {kind: statistics.median(found[name][kind] for found in rounds) for kind in rounds[0][name]}
        for name in MEASURED
    }


def spread(rounds):
    for name in MEASURED:
        values = [found[name]["instructions"] for found in rounds]
        say(f"{name}: {min(values):.1f} to {max(values):.1f}, {100 * (max(values) / min(values) - 1):.3f} % apart")


def compare(found, kept):
    """Prints the table; returns a sentence for each figure that exceeds its limit."""
    print("| | instructions | kept | | allocations | kept |")
    print("|---|---|---|---|---|---|")
    above = []
    for name, figures in found.items():
        cells = []
        for kind, figure in figures.items():
            limit = kept.get(name, {}).get(kind)
            cells += [f"{figure:,.1f}", "" if limit is None else f"{limit:,.1f}"]
            if kind == "instructions":
                cells.append("" if not limit else f"{100 * (figure / limit - 1):+.2f} %")
            if limit is not None and figure > ALLOWED * limit:
                above.append(f"a {name} takes {figure:,.1f} {kind}; kept are {limit:,.1f}, and 1 % above is allowed")
        print(f"| {name} | {' | '.join(cells)} |")
    return above


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--freeinference", default=".build/release/freeinference", type=Path)
    parser.add_argument("--rounds", type=int, default=1, help="the median counts; more show how far counts lie apart")
    parser.add_argument("--accept", action="store_true", help="keep what is measured as what may be spent from now on")
    parser.add_argument("--callers", default="", metavar="FUNCTIONS",
                        help="say who calls these how often in each, as in `swift_beginAccess` or `malloc,calloc`")
    parser.add_argument("--ratchet", type=Path, default=RATCHET)
    options = parser.parse_args()

    callees = set(filter(None, options.callers.split(",")))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-instructions-") as name:
        folder = Path(name)
        files = certificate.make(folder)
        program = without_debug_information(options.freeinference, folder)
        rounds = []
        for _ in range(options.rounds):
            rounds.append(measure(program, folder, files, callees))
            say(json.dumps(rounds[-1]))
    if options.rounds > 1:
        spread(rounds)
    found = median(rounds)
    kept = json.loads(options.ratchet.read_text()) if options.ratchet.exists() else {}
    above = compare(found, kept.get("costs", {}))
    now, then = versions(), kept.get("versions", {})
    say(f"bench-instructions: {time.monotonic() - began:.0f} s")
    if options.accept:
        options.ratchet.write_text(json.dumps({"costs": found, "versions": now}, indent=2) + "\n")
        say(f"bench-instructions: {options.ratchet} is as measured now; say why in the commit")
    elif above:
        others = [f"{name} is {version} here, and was {then.get(name)}" for name, version in now.items()
                  if version != then.get(name)]
        raise SystemExit("\n".join(
            [f"bench-instructions: {sentence}" for sentence in above + others]
            + ["bench-instructions: find out why; if it is worth it, say so in the commit, and move the ratchet with"
               " `make bench-instructions ARGUMENTS=--accept`"]
        ))


if __name__ == "__main__":
    main()
