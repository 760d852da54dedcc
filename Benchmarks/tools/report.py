"""What the measurements come to: one table of medians, with what each proxy's is to ours, and the targets."""

import statistics

from proxies import OURS


def figures(rows, proxy, variant):
    return [
        row["figure"] for row in rows if (row["proxy"], row["variant"]) == (proxy, variant) and "figure" in row
    ]


def cell(scenario, rows, proxy, variant):
    """Median, range; and ours by theirs."""
    if not scenario.measures(proxy):
        return ""
    values = figures(rows, proxy, variant)
    if not values:
        return "cannot" if any((row["proxy"], row["variant"]) == (proxy, variant) for row in rows) else ""
    middle, places = statistics.median(values), scenario.places
    text = f"{middle:.{places}f}"
    if len(values) > 1:
        text += f" ({min(values):.{places}f} to {max(values):.{places}f})"
    ours = figures(rows, OURS, variant)
    if proxy != OURS and ours:
        text += f" **{statistics.median(ours) / middle:.2f}**"
    return text


def report(scenarios, results, names):
    """Lines of Markdown. `results` is what run.py keeps, by a scenario's name."""
    lines = [
        "Median (range) of the rounds; in bold, ours by that proxy's: below 1.00 we spend less.",
        "",
        f"| scenario | unit | {' | '.join(names)} |",
        "|---" * (2 + len(names)) + "|",
    ]
    targets, notes, runs = [], [], []
    for scenario in scenarios:
        kept = results.get(scenario.name)
        if not kept:
            continue
        rows = kept["rows"]
        for variant in scenario.variants:
            cells = [cell(scenario, rows, name, variant) for name in names]
            lines.append(f"| {scenario.row_title(variant)} | {scenario.unit} | {' | '.join(cells)} |")

        def of(proxy, variant, rows=rows):
            values = figures(rows, proxy, variant)
            return statistics.median(values) if values else None

        for what, figure, most in scenario.targets(of):
            verdict = "not measured" if figure is None else "met" if figure <= most else "short"
            shown = "" if figure is None else f"{figure:.2f}"
            targets.append(f"| {scenario.name}, {what} | {shown} | {most} | {verdict} |")
        for row in rows:
            note = f"- {scenario.name}, {row['variant'] or 'all'}, {row['proxy']}: {row.get('failed')}"
            if row.get("failed") and note not in notes:
                notes.append(note)
        runs.append(f"| {scenario.name} | {kept['date']} | {kept['binary'][:12]} | `{kept['command']}` |")
    lines += ["", "| target | figure | at most | |", "|---|---|---|---|", *targets]
    if notes:
        lines += ["", "What could not be measured:", "", *notes]
    lines += ["", "| scenario | date | freeinference, SHA-256 | command |", "|---|---|---|---|", *runs]
    return lines
