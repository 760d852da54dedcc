"""Reads the commands of a documentation page, so that the tests run exactly what the page says."""

from pathlib import Path

from failures import Failed

# Commands of the page that the tests have run outside the container, because the container has no compiler.
ELSEWHERE = {"make build"}
# Commands that do not end by themselves.
FOLLOWING = ("journalctl -u freeinference -f",)


def commands(page: Path, heading: str):
    """The commands in the `sh` blocks below a heading, in order, up to the next heading of any level."""
    lines = page.read_text().splitlines()
    try:
        start = lines.index(heading)
    except ValueError as error:
        raise Failed(f"{page} has no heading {heading!r}") from error
    found, inside, text = [], False, ""
    for line in (line.strip() for line in lines[start + 1:]):
        if inside and line == "```":
            inside = False
        elif inside:
            text += line.removesuffix("\\")
            if not line.endswith("\\"):
                found.append(text)
                text = ""
        elif line == "```sh":
            inside = True
        elif line.startswith("#"):
            break
    if not found:
        raise Failed(f"{page} has no commands below {heading!r}")
    return found


def follow(machine, page: Path, heading: str):
    """Runs the commands in the container; each must succeed. Returns how many ran."""
    ran = 0
    for command in commands(page, heading):
        if command in ELSEWHERE:
            continue
        if command in FOLLOWING:
            ended = machine.run(f"timeout 2 {command}", check=False)
            if ended.returncode != 124 or not ended.stdout.strip():
                raise Failed(f"`{command}` shows nothing: {ended.stdout}{ended.stderr}")
        else:
            machine.run(command)
        ran += 1
    return ran
