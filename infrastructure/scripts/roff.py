"""Markdown, as far as the pages under docs/ use it, in the language of man pages (man(7))."""

import re
import textwrap

# The longest line of the source in characters. The program that shows the page breaks lines anew.
COLUMNS = 78
INLINE = re.compile(
    r"(?P<ticks>`+)(?P<code>.+?)(?P=ticks)(?!`)"
    r"|\*\*(?P<bold>.+?)\*\*"
    r"|(?<![\w*])\*(?P<italic>[^*\s][^*]*)\*"
    r"|\[(?P<text>(?:`[^`]*`|[^\]`])+)\]\((?P<target>[^)\s]+)\)"
    r"|<(?P<url>https?://[^>]+)>")


class Unreadable(Exception):
    """The page has something that is not known here; the message names the line."""


def escaped(text):
    """The text with everything replaced that has a meaning in roff."""
    return text.replace("\\", r"\e").replace("-", r"\-").replace("^", r"\(ha").replace("~", r"\(ti")


def prose(text):
    """As `escaped`, but hyphens within words stay hyphens, where a line may be broken."""
    text = text.replace("\\", r"\e").replace("^", r"\(ha").replace("~", r"\(ti")
    return re.sub(r"(?<!\w)-(?=[-\w])", r"\-", text)


def inline(text):
    """One paragraph without line ends: code and names in bold, links as their text with the page behind it."""
    found, index = [], 0
    for match in INLINE.finditer(text):
        found.append(prose(text[index:match.start()]))
        found.append(span(match))
        index = match.end()
    return "".join(found) + prose(text[index:])


def span(match):
    if match["code"] is not None:
        code = match["code"]
        # Code between several backquotes may begin or end with a space, which is not part of the code.
        if len(match["ticks"]) > 1:
            code = code.strip(" ")
        return rf"\fB{escaped(code)}\fP"
    if match["bold"] is not None:
        return rf"\fB{escaped(match['bold'].replace('`', ''))}\fP"
    if match["italic"] is not None:
        return rf"\fI{escaped(match['italic'])}\fP"
    if match["url"] is not None:
        return escaped(match["url"])
    page = match["target"].partition("#")[0]
    return inline(match["text"]) + (rf" (\fI{escaped(page.removeprefix('../'))}\fP)" if page else "")


def lines(text):
    """Source lines of text that is already in roff; none begins as a request."""
    return [rf"\&{line}" if line[:1] in (".", "'") else line
            for line in textwrap.wrap(text, COLUMNS, break_long_words=False, break_on_hyphens=False)]


def quoted(text):
    """An argument of a request."""
    return '"' + text.replace('"', r"\(dq") + '"'


def cells(row):
    """The cells of a line of a table; a vertical bar inside of code separates nothing."""
    inside, cell, found = False, "", []
    for character in row.strip().removeprefix("|"):
        inside ^= character == "`"
        if character == "|" and not inside:
            found.append(cell.strip())
            cell = ""
        else:
            cell += character
    return found


def table(rows):
    """Each row as a tagged paragraph: the first cell is the tag, the last the text, those between follow it."""
    names = cells(rows[0])
    found = []
    for row in rows[2:]:
        values = cells(row)
        if len(values) != len(names):
            raise Unreadable(f"{len(values)} cells, not {len(names)}: {row}")
        found += [".TP", *lines(inline(values[0]))]
        if values[-1]:
            found += lines(inline(values[-1][0].upper() + values[-1][1:] + ("" if values[-1][-1] in ".!?" else ".")))
        between = [f"{name.capitalize()}: {inline(value)}." for name, value in zip(names[1:-1], values[1:-1]) if value]
        if between:
            found += ([".br"] if values[-1] else []) + lines(" ".join(between))
    return found


def code(block):
    """A block of code, indented and not filled."""
    shown = [rf"\&{line}" if line[:1] in (".", "'") else line for line in map(escaped, block)]
    return [".PP", ".RS 4", ".EX", *shown, ".EE", ".RE"]


def heading(line):
    """The request of a heading: sections are `##`, all below are subsections."""
    level, title = line.split(" ", 1)
    return [f".SH {quoted(escaped(title.upper()))}"] if level == "##" else [f".SS {quoted(escaped(title))}"]


def blocks(text):
    """The blocks of a page in their order: a kind, and its lines."""
    kind, held, fenced = None, [], False
    for line in text.splitlines():
        if line.startswith("```"):
            if kind:
                yield kind, held
            fenced = not fenced
            kind, held = ("code", []) if fenced else (None, [])
            continue
        if fenced:
            held.append(line)
            continue
        new = kind_of(line, kind)
        if new != kind or new in ("heading", "item") and not line.startswith(" "):
            if kind:
                yield kind, held
            kind, held = new, []
        held.append(line.strip())
    if fenced:
        raise Unreadable("a block of code without an end")
    if kind:
        yield kind, held


def kind_of(line, before):
    if not line.strip():
        return None
    if line.startswith("#"):
        return "heading"
    if line.startswith("|"):
        return "table"
    if line.startswith("- ") or before == "item" and line.startswith("  "):
        return "item"
    if re.match(r"\s|\d+\. |[*+>] |<!", line):
        raise Unreadable(f"not known here: {line}")
    return "paragraph"


def tidied(source):
    """The lines of a whole page without requests for a paragraph behind a heading, which begins one by itself."""
    return [line for before, line in zip(["", *source], source)
            if line != ".PP" or not before.startswith((".SH", ".SS"))]


def page(text):
    """The lines of a page, or of a section, in man(7)."""
    found = []
    for kind, held in blocks(text):
        if kind == "heading":
            found += heading(held[0])
        elif kind == "table":
            found += table(held)
        elif kind == "code":
            found += code(held)
        elif kind == "item":
            found += [r".IP \(bu 2", *lines(inline(" ".join(held).removeprefix("- ")))]
        else:
            found += [".PP", *lines(inline(" ".join(held)))]
    return found
