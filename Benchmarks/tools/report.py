"""The report: one table of medians, with the ratio of FreeInference to each proxy, and the targets."""

import statistics

from proxies import OURS


def figures(rows, proxy, variant, name="figure"):
    """The figures of a proxy's undisturbed measurements; of all measurements if all were disturbed."""
    found = [row for row in rows if (row["proxy"], row["variant"]) == (proxy, variant) and name in row]
    calm = [row[name] for row in found if "disturbed" not in row]
    return calm or [row[name] for row in found]


def is_calm(rows, proxy, variant):
    return any(
        (row["proxy"], row["variant"]) == (proxy, variant) and "figure" in row and "disturbed" not in row for row in rows
    )


def cell(scenario, rows, proxy, variant):
    """Median and range; and the ratio of FreeInference to the proxy, unless one of the two is disturbed."""
    if not scenario.measures(proxy):
        return ""
    values = figures(rows, proxy, variant)
    if not values:
        return "cannot" if any((row["proxy"], row["variant"]) == (proxy, variant) for row in rows) else ""
    middle, places = statistics.median(values), scenario.places
    text = f"{middle:.{places}f}"
    if len(values) > 1:
        text += f" ({min(values):.{places}f} to {max(values):.{places}f})"
    if not is_calm(rows, proxy, variant):
        return f"{text} disturbed"
    ours = figures(rows, OURS, variant)
    if proxy != OURS and ours and is_calm(rows, OURS, variant):
        text += f" **{statistics.median(ours) / middle:.2f}**"
    return text


def latency(rows, proxy, variant):
    middle, late = (figures(rows, proxy, variant, name) for name in ("p50_ms", "p99_ms"))
    return f"{statistics.median(middle):.2f} / {statistics.median(late):.1f}" if middle else ""


def report(scenarios, results, names):
    """The report as lines of Markdown. `results` is what run.py keeps, by scenario name."""
    lines = [
        "Median (range) of the rounds; in bold, ours by that proxy's: below 1.00 we spend less.",
        "",
        f"| scenario | unit | {' | '.join(names)} |",
        "|---" * (2 + len(names)) + "|",
    ]
    targets, notes, runs, latencies = [], [], [], []
    for scenario in scenarios:
        kept = results.get(scenario.name)
        if not kept:
            continue
        rows = kept["rows"]
        for variant in scenario.variants:
            cells = [cell(scenario, rows, name, variant) for name in names]
            lines.append(f"| {scenario.row_title(variant)} | {scenario.unit} | {' | '.join(cells)} |")
            cells = [latency(rows, name, variant) for name in names]
            if any(cells):
                latencies.append(f"| {scenario.row_title(variant)} | {' | '.join(cells)} |")

        def of(proxy, variant, rows=rows):
            values = figures(rows, proxy, variant) if is_calm(rows, proxy, variant) else []
            return statistics.median(values) if values else None

        for what, figure, most in scenario.targets(of) + scenario.targets_of_before(of):
            verdict = "not measured" if figure is None else "met" if figure <= most else "short"
            shown = "" if figure is None else f"{figure:.2f}"
            targets.append(f"| {scenario.name}, {what} | {shown} | {most} | {verdict} |")
        for row in rows:
            reason = row.get("failed") or row.get("disturbed")
            note = f"- {scenario.name}, {row['variant'] or 'all'}, {row['proxy']}: {reason}"
            if reason and note not in notes:
                notes.append(note)
        for run in kept["runs"]:
            runs.append(f"| {scenario.name} | {run['date']} | {kept['binary'][:12]} | `{run['command']}` |")
    if latencies:
        lines += ["", "Latency of a token, from the executor to the client, median of p50 / of p99, in ms:", ""]
        lines += [f"| scenario | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|", *latencies]
    lines += ["", "| target | figure | at most | |", "|---|---|---|---|", *targets]
    if notes:
        lines += ["", "What could not be measured, or was disturbed by other loads:", "", *notes]
    lines += ["", "| scenario | date | freeinference, SHA-256 | command |", "|---|---|---|---|", *runs]
    return lines
