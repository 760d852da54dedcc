"""HTTP/2 frames and HPACK fields as bytes, with Python's standard library only.

For benchmarks, which have no packages installed, and for scripts that send what no HTTP/2 library would.
"""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACKNOWLEDGED, END_HEADERS = 1, 1, 4
# The frame size that every peer accepts (RFC 9113 section 4.2).
PAYLOAD_MAX = 16384


def number(value):
    """A 32-bit number, as in RST_STREAM, WINDOW_UPDATE and the values of SETTINGS."""
    return value.to_bytes(4, "big")


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + number(stream) + payload


def text(value):
    """An HPACK string without Huffman coding (RFC 7541 section 5.2)."""
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, encoded = len(value) - 127, [127]
    while rest >= 128:
        encoded.append(rest & 127 | 128)
        rest >>= 7
    return bytes(encoded + [rest]) + value


def literal(name, value):
    """A field that is not added to the dynamic table."""
    return b"\x00" + text(name) + text(value)


def remembered(name, value):
    """A field that is added to the dynamic table; the latest one is entry 62."""
    return b"\x40" + text(name) + text(value)


REFERENCE = bytes([0x80 | 62])
"""References the latest field of the dynamic table, in one byte."""


def block(stream, payload, flags=END_STREAM):
    """A header block of any length, in frames of 16 KiB."""
    parts = [payload[at : at + PAYLOAD_MAX] for at in range(0, len(payload), PAYLOAD_MAX)] or [b""]
    out = []
    for index, part in enumerate(parts):
        last = END_HEADERS if index == len(parts) - 1 else 0
        out.append(frame(HEADERS if index == 0 else CONTINUATION, (flags if index == 0 else 0) | last, stream, part))
    return b"".join(out)


def split(data):
    """The complete frames at the start of `data`, as (kind, flags, stream, payload), and the remaining bytes."""
    found, at = [], 0
    while len(data) >= at + 9:
        end = at + 9 + int.from_bytes(data[at : at + 3], "big")
        if len(data) < end:
            break
        stream = int.from_bytes(data[at + 5 : at + 9], "big") & 0x7FFFFFFF
        found.append((data[at + 3], data[at + 4], stream, data[at + 9 : end]))
        at = end
    return found, data[at:]
