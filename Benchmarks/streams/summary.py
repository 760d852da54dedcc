"""Summarises the rounds of run.py: medians, the table, and which targets are met."""

import statistics

OURS, THEIRS = "freeinference", "haproxy"


def median(rows, name):
    return statistics.median(row[name] for row in rows)


def summarise(rounds, options):
    """Medians over the rounds; the ratio is the ratio of the medians."""
    summary = []
    for mode in options.modes:
        for streams in options.streams:
            for proxy in options.proxies:
                rows = [r for r in rounds if (r["proxy"], r["mode"], r["streams"]) == (proxy, mode, streams)]
                line = {"mode": mode, "streams": options.connections * streams, "proxy": proxy, "rounds": len(rows)}
                for name in (
                    "cpu_us", "user_us", "system_us", "core", "p50_ms", "p99_ms", "gap_p99_ms", "first_p99_ms", "executor_us",
                    "bench_us", "rss_kb",
                    "anonymous_kb", "tokens_per_second",
                ):
                    line[name] = median(rows, name)
                line["cpu_us_range"] = [min(r["cpu_us"] for r in rows), max(r["cpu_us"] for r in rows)]
                line["broken"] = sum(r["broken"] for r in rows)
                summary.append(line)
    memory = {}
    if len(options.streams) > 1:
        low, high = min(options.streams), max(options.streams)
        for proxy in options.proxies:
            for mode in options.modes:
                at = {
                    line["streams"]: line["rss_kb"] for line in summary if (line["proxy"], line["mode"]) == (proxy, mode)
                }
                few, many = options.connections * low, options.connections * high
                memory[f"{proxy} {mode}"] = (at[many] - at[few]) / (many - few)
    return summary, memory


def table(summary, memory, options):
    print("| executor | streams | proxy | CPU us/token (range) | latency p50 ms | p99 ms | first token p99 ms | resident MB"
          " | tokens/s | broken |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for line in summary:
        low, high = line["cpu_us_range"]
        print(
            f"| {line['mode']} | {line['streams']} | {line['proxy']} | {line['cpu_us']:.2f} ({low:.2f} to {high:.2f})"
            f" | {line['p50_ms']:.3f} | {line['p99_ms']:.3f} | {line['first_p99_ms']:.1f}"
            f" | {line['rss_kb'] / 1024:.1f} | {line['tokens_per_second']:.0f} | {line['broken']} |"
        )
    print()
    for name, slope in memory.items():
        print(f"memory a stream, {name}: {slope:.1f} kB")
    print()
    if set(options.proxies) < {OURS, THEIRS}:
        return
    for mode in options.modes:
        for streams in options.streams:
            of = {line["proxy"]: line for line in summary
                  if (line["mode"], line["streams"]) == (mode, options.connections * streams)}
            ours, theirs = of[OURS], of[THEIRS]
            ratio = ours["cpu_us"] / theirs["cpu_us"]
            more = ours["p50_ms"] - theirs["p50_ms"]
            say_target(f"{mode} {ours['streams']}: CPU {ratio:.2f} of HAProxy's", ratio <= 0.8, "at most 0.80")
            say_target(f"{mode} {ours['streams']}: p99 {ours['p99_ms']:.3f} ms beside {theirs['p99_ms']:.3f}",
                       ours["p99_ms"] <= theirs["p99_ms"], "at most HAProxy's")
            say_target(f"{mode} {ours['streams']}: p50 {more:+.3f} ms", more <= 0.5, "at most +0.5")
    for mode in options.modes:
        if f"{OURS} {mode}" in memory:
            slope = memory[f"{OURS} {mode}"]
            say_target(f"{mode}: {slope:.1f} kB a stream", slope <= 8, "at most 8")


def say_target(what, good, target):
    print(f"{'met  ' if good else 'short'} {what} (target: {target})")
