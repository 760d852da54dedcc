#!/usr/bin/env python3
"""Measures what a reviewer of the sources asks for: sizes, complexity, comments, documentation, unsafe lines,
repetition.

    infrastructure/scripts/house.py [REVISION ...]
    infrastructure/scripts/house.py --list [COMPLEXITY]

Prints a Markdown table with one column for each git revision and a last one for the working tree. With `--list` it
prints the functions of the working tree whose complexity is above COMPLEXITY (default 10), the most complex first,
each with its complexity, lines, position and name. The figures are counted like this:

- Files are the Swift files below Sources. Lines of a file include blank lines and comments.
- A function is a `func`, `init`, `deinit` or `subscript` with a body, from its keyword to its closing brace.
- The cyclomatic complexity of a function is 1, plus one for each if, guard, for, while, case, catch, &&, || and
  ternary ?. The closures and functions inside it are included.
- The comment share is the number of lines that hold only a comment, divided by all lines that are not blank.
- A declaration counts as documented if the line above it, or above its attributes, begins with `///`.
- An unsafe line has the word `unsafe` outside of comments; the figure is per 1000 lines of code.
- A repeated line is part of six consecutive lines that also occur elsewhere. White space is folded; blank lines,
  comments, imports and lines of punctuation are skipped.
- The test file of `Foo.swift` is a `FooTests.swift` anywhere below Tests. In the second figure the tests of `Foo`
  also count for `Foo+Bar.swift`.

Needs only Python and git.
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUNCTION_LINES_MAX = 70
WINDOW = 6
DECISIONS = re.compile(r"\b(?:if|guard|for|while|case|catch)\b|&&|\|\||\s\?\s")
PATTERN_CASES = re.compile(r"\b(?:if|guard|for|while|,)\s+case\b")
FUNCTION = re.compile(r"(?<![.\w])(?:func\s+[^\s(<]+|init[?!]?(?=[(<])|deinit\b|subscript(?=[(<]))")
DECLARATION = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:package|public)\s+(?:\w+(?:\([^)]*\))?\s+)*?"
    r"(?:func|var|let|init|subscript|struct|class|enum|actor|protocol|typealias)\b"
)
STORED = re.compile(r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?P<modifiers>(?:\w+(?:\(\w+\))?\s+)*)var\s+\w+")


def blanked(text):
    """The text with comments and literals replaced by spaces; line ends stay."""
    out, index = [], 0

    def blank(upto):
        nonlocal index
        out.append(re.sub(r"[^\n]", " ", text[index:upto]))
        index = upto

    while index < len(text):
        two = text[index : index + 2]
        if two == "//":
            end = text.find("\n", index)
            blank(len(text) if end < 0 else end)
        elif two == "/*":
            blank(text.index("*/", index) + 2)
        elif match := re.compile(r'(#*)("""|")').match(text, index):
            blank(literal_end(text, match.end(), match.group(1), match.group(2)))
        elif match := re.compile(r"#/.*?/#").match(text, index):
            blank(match.end())
        else:
            out.append(text[index])
            index += 1
    return "".join(out)


def literal_end(text, index, hashes, quote):
    """The end of the string literal whose opening quote ends at `index`; an interpolation may contain literals."""
    close, escape = quote + hashes, "\\" + hashes
    while index < len(text):
        if text.startswith(escape + "(", index):
            index = interpolation_end(text, index + len(escape) + 1)
        elif text.startswith(escape, index):
            index += len(escape) + 1
        elif text.startswith(close, index):
            return index + len(close)
        else:
            index += 1
    return index


def interpolation_end(text, index):
    depth = 1
    while depth:
        if match := re.compile(r'(#*)("""|")').match(text, index):
            index = literal_end(text, match.end(), match.group(1), match.group(2))
            continue
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        index += 1
    return index


def body_start(code, index):
    """The start of the body of the function whose name ends at `index`; None without a body."""
    depth = 0
    while index < len(code):
        character = code[index]
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif depth == 0 and character == "{":
            return index
        elif depth == 0 and character in "};":
            return None
        elif depth == 0 and character == "\n":
            if not re.match(r"\s*(?:->|throws\b|async\b|where\b|rethrows\b|\{|\()", code[index:]):
                return None
        index += 1
    return None


def closing(code, index):
    """The position of the brace that closes the one at `index`."""
    depth = 0
    for position in range(index, len(code)):
        depth += {"{": 1, "}": -1}.get(code[position], 0)
        if depth == 0:
            return position
    return len(code) - 1


def functions(code):
    """For each function its lines and complexity, its first line, and its keyword and name."""
    for match in FUNCTION.finditer(code):
        start = body_start(code, match.end())
        if start is None:
            continue
        end = closing(code, start)
        body = code[start:end]
        complexity = 1 + len(DECISIONS.findall(body)) - len(PATTERN_CASES.findall(body))
        line = code.count("\n", 0, match.start()) + 1
        yield code.count("\n", match.start(), end) + 1, complexity, line, match.group()


def classes(code):
    """For each class its name, its mutable stored properties, and how many of them are private."""
    for match in re.finditer(r"\bclass\s+([A-Z]\w*)", code):
        start = code.find("{", match.end())
        if start < 0:
            continue
        depth, fields, hidden = 0, 0, 0
        for line in code[start : closing(code, start)].split("\n"):
            if depth == 1 and (stored := STORED.match(line)):
                modifiers, rest = stored.group("modifiers"), line[stored.end() :]
                computed = "{" in rest and "=" not in rest.split("{")[0] and "Set" not in rest
                if not computed and "static" not in modifiers:
                    fields += 1
                    hidden += bool(re.search(r"\b(?:private|fileprivate)\s", modifiers))
            depth += line.count("{") - line.count("}")
        yield match.group(1), fields, hidden


def share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def spread(values):
    values = sorted(values)
    return f"{values[len(values) // 2]} / {values[len(values) * 9 // 10]} / {values[-1]}"


def repeated(sources):
    """How many lines belong to a window that also occurs elsewhere, and how many lines were compared."""
    places, compared = defaultdict(list), 0
    for path, lines in sources.items():
        kept = []
        for number, line in enumerate(lines):
            line = " ".join(line.split())
            if re.search(r"\w", line) and not line.startswith("//") and not re.match(r"(?:\w+ )?import ", line):
                kept.append((number, line))
        compared += len(kept)
        for index in range(len(kept) - WINDOW + 1):
            window = kept[index : index + WINDOW]
            places[tuple(line for _, line in window)].append([(path, number) for number, _ in window])
    found = set()
    for windows in places.values():
        if len(windows) > 1:
            found.update(place for window in windows for place in window)
    return len(found), compared


def figures(root):
    """All figures of a source tree, by name."""
    sources = {path.relative_to(root): path.read_text() for path in sorted((root / "Sources").rglob("*.swift"))}
    tests = {path.name.removesuffix("Tests.swift") for path in (root / "Tests").rglob("*Tests.swift")}
    lines = {path: text.split("\n")[:-1] for path, text in sources.items()}
    code = {path: blanked(text) for path, text in sources.items()}
    found = [function for text in code.values() for function in functions(text)]
    complexities = [complexity for _, complexity, _, _ in found]
    comments = sum(line.strip().startswith("//") for text in lines.values() for line in text)
    filled = sum(bool(line.strip()) for text in lines.values() for line in text)
    targets = sorted({path.parts[1] for path in sources})

    table = {
        "files, lines": f"{len(lines)}, {sum(map(len, lines.values()))}",
        "lines a file: median / p90 / max": spread([len(text) for text in lines.values()]),
        "lines a function: median / p90 / max": spread([size for size, _, _, _ in found]),
        f"functions above {FUNCTION_LINES_MAX} lines":
            f"{sum(size > FUNCTION_LINES_MAX for size, _, _, _ in found)} of {len(found)}",
        "complexity: median / p90 / max": spread(complexities),
        "complexity above 10; above 20": "; ".join(
            f"{count} ({share(count, len(found))})"
            for count in (sum(n > limit for n in complexities) for limit in (10, 20))
        ),
        "comment share": share(comments, filled),
    }
    documented, unsafe = defaultdict(lambda: [0, 0]), defaultdict(lambda: [0, 0])
    for path, text in lines.items():
        target = path.parts[1]
        for number, line in enumerate(text):
            if DECLARATION.match(line):
                above = number - 1
                while above >= 0 and text[above].strip().startswith("@"):
                    above -= 1
                documented[target][0] += text[above].strip().startswith("///")
                documented[target][1] += 1
        for line in code[path].split("\n"):
            if line.strip():
                unsafe[target][0] += bool(re.search(r"\bunsafe\b", line))
                unsafe[target][1] += 1
    table["documented package and public declarations"] = share(*map(sum, zip(*documented.values())))
    for target in targets:
        if documented[target][1]:
            table[f"- {target}"] = share(*documented[target]) + f" of {documented[target][1]}"
    table["unsafe lines in 1000 of code"] = "; ".join(
        f"{target} {1000 * count / total:.0f}"
        for target, (count, total) in sorted(unsafe.items()) if count
    )
    repeats, compared = repeated(lines)
    table["repeated lines"] = f"{repeats} of {compared}"
    named = sum(path.stem in tests for path in sources)
    subject = sum(path.stem in tests or path.stem.split("+")[0] in tests for path in sources)
    table["source files with a test file of their name; of their subject's"] = (
        f"{share(named, len(sources))}; {share(subject, len(sources))}"
    )
    largest = sorted((entry for text in code.values() for entry in classes(text)), key=lambda entry: -entry[1])
    table["largest classes: mutable fields, private"] = "; ".join(f"{a} {b}, {c}" for a, b, c in largest[:5])
    return table


def revision_figures(revision):
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "-C", ROOT, "archive", revision, "Sources", "Tests"], check=True, stdout=subprocess.PIPE
        ).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        return figures(Path(folder))


def list_functions(above):
    """Prints the functions of the working tree whose complexity is above the given one, the most complex first."""
    found = [
        (complexity, size, f"{path.relative_to(ROOT)}:{line}", name)
        for path in sorted((ROOT / "Sources").rglob("*.swift"))
        for size, complexity, line, name in functions(blanked(path.read_text()))
        if complexity > above
    ]
    for complexity, size, place, name in sorted(found, key=lambda entry: (-entry[0], entry[2])):
        print(f"{complexity:4}{size:5} lines  {place}  {name}")


def main():
    if sys.argv[1:2] == ["--list"] and len(sys.argv) <= 3 and all(map(str.isdecimal, sys.argv[2:])):
        return list_functions(int(sys.argv[2]) if sys.argv[2:] else 10)
    if any(argument.startswith("-") for argument in sys.argv[1:]):
        sys.exit(__doc__)
    columns = {revision: revision_figures(revision) for revision in sys.argv[1:]} | {"now": figures(ROOT)}
    print("| | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for name in columns["now"]:
        print(f"| {name} | " + " | ".join(column.get(name, "-") for column in columns.values()) + " |")


if __name__ == "__main__":
    main()
