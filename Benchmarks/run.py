#!/usr/bin/env python3
"""Measures FreeInference Edge and other proxies in every scenario, and writes one table (`make bench`).

The proxy runs on core 0, everything else on core 1; the scenario `workers` shares both cores. Each measurement starts
new processes. The proxies take turns, in an order that is reversed each round. Each result is saved at once. `--only`
repeats the named measurements, `--resume` the missing and failed ones; the table shows all saved results.
"""

import argparse
import contextlib
import datetime
import hashlib
import json
import os
import resource
import shlex
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from proxies import PROXIES, Unable  # noqa: E402
from scenarios import OTHER_CORE, PROXY_CORE, SCENARIOS, Scenario  # noqa: E402
from tools import certificate  # noqa: E402
from tools.machine import machine  # noqa: E402
from tools.processes import Failed  # noqa: E402
from tools.report import report  # noqa: E402


def say(text):
    print(text, file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--freeinference", default=".build/release/freeinference")
    parser.add_argument("--executor", help="the program whose `executor` is used, if it is another one")
    for proxy in PROXIES[1:]:
        parser.add_argument(f"--{proxy.name}", help="its program, if not the one that is found")
    parser.add_argument("--venv", default=".build/bench-venv", help="where the PyPI packages are installed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement's steady part, or load like it")
    parser.add_argument("--warmup", type=int, default=2, help="of token streams")
    parser.add_argument("--only", default="", metavar="WORDS",
                        help="scenarios and proxies to measure, as in `short,handshakes,freeinference,nginx`: "
                        + ", ".join(scenario.name for scenario in SCENARIOS))
    parser.add_argument("--resume", action="store_true",
                        help="of this binary, measure what is missing, failed or was disturbed, and leave the rest")
    parser.add_argument("--table", action="store_true", help="measure nothing, show what is kept")
    parser.add_argument("--json", type=Path, default=Path(".build/bench.json"))
    options = parser.parse_args()
    options.executor = options.executor or options.freeinference
    words = [word for word in options.only.split(",") if word]
    known = {kind.name for kind in SCENARIOS + PROXIES}
    if unknown := set(words) - known:
        parser.error(f"--only: {', '.join(sorted(unknown))}: no such scenario or proxy")
    options.scenarios = [s for s in SCENARIOS if s.name in words] or SCENARIOS
    options.proxies = [p for p in PROXIES if p.name in words] or PROXIES
    return options


class Kept:
    """The results, written to a file after each measurement."""

    def __init__(self, options):
        self.file = options.json
        before = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.results, self.versions = before.get("results", {}), {}
        Scenario.negotiated.update(before.get("negotiated", {}))
        self.binary = hashlib.sha256(Path(options.freeinference).read_bytes()).hexdigest()
        self.command = shlex.join(["Benchmarks/run.py", *sys.argv[1:]])

    def begin(self, scenario, names, resume):
        kept = self.results.get(scenario.name, {"rows": []})
        # A run that measures only some proxies keeps the earlier results of the other proxies, if the freeinference
        # binary is still the same.
        rows = []
        if kept.get("binary") == self.binary:
            rows = [
                row for row in kept["rows"]
                if row["proxy"] not in names or resume and "failed" not in row and "disturbed" not in row
            ]
        # `runs` lists the commands that produced the results. If results of earlier runs are kept, so are their
        # commands.
        runs = kept.get("runs", []) if rows else []
        runs.append({"date": f"{datetime.datetime.now():%Y-%m-%d %H:%M}", "command": self.command})
        self.results[scenario.name] = {"runs": runs, "binary": self.binary, "rows": rows}
        return rows

    def save(self):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        everything = {
            "machine": machine(), "versions": self.versions, "negotiated": Scenario.negotiated, "results": self.results,
        }
        self.file.write_text(json.dumps(everything, indent=1))


def measure(scenario, proxies, kept, options):
    """Measures all variants, proxies and rounds of a scenario; if one proxy fails, the others are still measured."""
    rows = kept.begin(scenario, [proxy.name for proxy in options.proxies], options.resume)
    done = {(row["proxy"], row["variant"], row["round"]) for row in rows}
    unable = set()
    for number in range(min(options.rounds, scenario.rounds_max)):
        for variant in scenario.variants:
            for kind in options.proxies if number % 2 == 0 else options.proxies[::-1]:
                name = kind.name
                if not scenario.measures(name) or (name, variant, number) in done or (name, variant) in unable:
                    continue
                row = {"proxy": name, "variant": variant, "round": number}
                proxy = proxies[name]
                try:
                    if isinstance(proxy, Unable):
                        raise proxy
                    found = scenario.measure(proxy, variant)
                    if scenario.disturbance(found):
                        # Repeats a disturbed measurement once, because the load of other programs on these cores may
                        # have passed.
                        found = scenario.measure(proxy, variant)
                    if reason := scenario.disturbance(found):
                        row["disturbed"] = reason
                    row |= found
                    shown = f"{row['figure']:.{scenario.places}f} {scenario.unit} {row.get('disturbed', '')}".strip()
                except Unable as reason:
                    unable.add((name, variant))
                    row["failed"] = shown = str(reason)
                except (Failed, Exception) as reason:
                    row["failed"] = shown = f"{type(reason).__name__}: {reason}".replace("\n", " ")[:600]
                rows.append(row)
                kept.save()
                say(f"{scenario.name} round {number + 1} {variant} {name}: {shown}")


def main():
    options = arguments()
    if not {PROXY_CORE, OTHER_CORE} <= os.sched_getaffinity(0):
        raise SystemExit("bench: cores 0 and 1 are both needed")
    os.sched_setaffinity(0, {OTHER_CORE})
    with contextlib.suppress(PermissionError):
        # Root may raise the priority, so that proxy, executor and load generator run before other programs.
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    began = time.monotonic()
    kept = Kept(options)
    proxies = {}
    for kind in PROXIES:
        try:
            proxies[kind.name] = kind.find(options)
            kept.versions[kind.name] = proxies[kind.name].version()
        except Unable as reason:
            proxies[kind.name] = reason
    with tempfile.TemporaryDirectory(prefix="bench-certificate-") as folder:
        files = certificate.make(Path(folder))
        if not options.table:
            try:
                for scenario in options.scenarios:
                    measure(scenario(options, *files), proxies, kept, options)
            except KeyboardInterrupt:
                say("bench: interrupted; `--resume` goes on from here")
        lines = [
            f"{machine()}.",
            f"Versions: {', '.join(f'{name} {number}' for name, number in kept.versions.items())}.",
            f"Negotiated: {', '.join(f'{name} {what}' for name, what in Scenario.negotiated.items())}.",
            "",
            *report([scenario(options, *files) for scenario in SCENARIOS], kept.results, [p.name for p in PROXIES]),
        ]
    print("\n".join(lines))
    table = options.json.with_suffix(".md")
    table.write_text("\n".join(lines) + "\n")
    say(f"bench: {time.monotonic() - began:.0f} s; the table is in {table}, every measurement in {options.json}")


if __name__ == "__main__":
    main()
