#!/usr/bin/env python3
"""Makes the man pages.

    freeinference --experimental-dump-help | infrastructure/scripts/manual.py commands > freeinference.1
    infrastructure/scripts/manual.py configuration > freeinference.yaml.5

`commands` writes freeinference(1): every command with its options, as the binary itself describes them, and the signals
of docs/operations.md. `configuration` writes freeinference.yaml(5) out of docs/configuration.md. Needs only Python.
"""

import argparse
import datetime
import json
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import roff  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PAGES = "/usr/share/doc/freeinference"
# Options that every command has; the pages of the commands do not list them.
COMMON = ("version", "help")


def head(name, section, date, abstract):
    """The beginning of a page."""
    return [
        r".\" Made by infrastructure/scripts/manual.py. Do not edit.",
        f".TH {roff.quoted(roff.escaped(name))} {section} {date} {roff.quoted('FreeInference Edge')}",
        ".SH NAME", rf"{roff.escaped(name)} \- {abstract}",
    ]


def end(*others):
    """The last section of a page."""
    return [
        ".SH SEE ALSO",
        *roff.lines(", ".join(rf"\fB{roff.escaped(name)}\fP({section})" for name, section in others)
                    + rf". The pages that are named in parentheses are in \fI{roff.escaped(PAGES)}\fP."),
    ]


def configuration(date):
    """freeinference.yaml(5)."""
    text = (ROOT / "docs/configuration.md").read_text()
    title, _, body = text.partition("\n")
    if title != "# Configuration":
        raise roff.Unreadable(f"docs/configuration.md begins with {title!r}")
    return [
        *head("freeinference.yaml", 5, date, "configuration of the FreeInference Edge server"),
        ".SH DESCRIPTION", *roff.page(body.strip("\n")),
        ".SH FILES", ".TP", r"\fI/etc/freeinference/freeinference.yaml\fP", "Read unless another file is given.",
        ".TP", r"\fI/etc/freeinference/environment\fP",
        *roff.lines(r"Variables for \fB${VAR}\fP, as lines of \fBNAME=value\fP, where systemd starts the server."),
        *end(("freeinference", 1), ("systemd.exec", 5)),
    ]


def names(option):
    """An option or an argument as it is typed, with the name of its value."""
    value = rf"\fI{roff.escaped(option.get('valueName', ''))}\fP"
    if option["kind"] == "positional":
        return value
    typed = [("-" if name["kind"] == "short" else "--") + name["name"] for name in option["names"]]
    shown = ", ".join(rf"\fB{roff.escaped(name)}\fP" for name in sorted(typed, key=len))
    return shown if option["kind"] == "flag" else f"{shown} {value}"


def usage(path, command):
    """The line of a command: its name, its options, its arguments."""
    parts = [rf"\fB{roff.escaped(' '.join(path))}\fP"]
    for option in shown(command):
        if option["kind"] == "positional":
            part = names(option)
        else:
            preferred = option["preferredName"]
            part = rf"\fB{roff.escaped(('-' if preferred['kind'] == 'short' else '--') + preferred['name'])}\fP"
            if option["kind"] == "option":
                part += rf" \fI{roff.escaped(option['valueName'])}\fP"
        part += " ..." if option["isRepeating"] else ""
        parts.append(f"[{part}]" if option["isOptional"] else part)
    return roff.lines(" ".join(parts))


def shown(command):
    """The options and arguments of a command, without those that every command has."""
    return [option for option in command.get("arguments", [])
            if option["shouldDisplay"] and option.get("valueName") not in COMMON]


def described(text):
    """A description from the binary: paragraphs, each in one line."""
    found = []
    for paragraph in filter(None, re.split(r"\n\n+", text.strip())):
        found += [".PP", *roff.lines(roff.inline(" ".join(paragraph.split())))]
    return found


def options(command):
    """The options and arguments of a command, each as a tagged paragraph."""
    found = []
    for option in shown(command):
        found += [".TP", names(option)]
        words = [roff.inline(" ".join(option[part].split())) for part in ("abstract", "discussion") if option.get(part)]
        if option.get("allValues"):
            words.append("Values: " + ", ".join(rf"\fB{roff.escaped(value)}\fP" for value in option["allValues"]) + ".")
        if option.get("defaultValue"):
            words.append(rf"Default: \fB{roff.escaped(option['defaultValue'])}\fP.")
        found += roff.lines(" ".join(words)) or [r"\&"]
    return found


def walk(command, path=()):
    """Every command with the words that lead to it, those that only hold others too."""
    path = (*path, command["commandName"])
    yield path, command
    for part in command.get("subcommands", []):
        if part["shouldDisplay"] and part["commandName"] != "help":
            yield from walk(part, path)


def section(page, title):
    """The text below a heading of the second level."""
    match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", (ROOT / page).read_text(), re.M | re.S)
    if match is None:
        raise roff.Unreadable(f"{page} has no section {title!r}")
    return match[1]


def commands(date):
    """freeinference(1)."""
    root = json.load(sys.stdin)["command"]
    found = [
        *head("freeinference", 1, date, roff.inline(root["abstract"].rstrip("."))),
        ".SH SYNOPSIS", r"\fBfreeinference\fP \fIcommand\fP [\fIoptions\fP]", ".br",
        r"\fBfreeinference \-\-version\fP", ".br", r"\fBfreeinference\fP [\fIcommand\fP] \fB\-\-help\fP",
        ".SH DESCRIPTION", *described(root["discussion"]),
        ".SH COMMANDS",
    ]
    for path, command in list(walk(root))[1:]:
        found += [f".SS {roff.quoted(roff.escaped(' '.join(path[1:])))}"]
        if not command.get("subcommands"):
            found += usage(path, command)
        found += described(command.get("abstract", "")) + described(command.get("discussion", ""))
        found += options(command)
    return [
        *found,
        ".SH SIGNALS", *roff.page(section("docs/operations.md", "Signals")),
        *end(("freeinference.yaml", 5), ("systemctl", 1), ("journalctl", 1)),
    ]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("page", choices=("commands", "configuration"))
    arguments.add_argument("--date", default=datetime.date.today().isoformat(), help="the date of the page (today)")
    given = arguments.parse_args()
    try:
        made = {"commands": commands, "configuration": configuration}[given.page](given.date)
    except roff.Unreadable as error:
        sys.exit(f"manual: {error}")
    print("\n".join(roff.tidied(made)))


if __name__ == "__main__":
    main()
