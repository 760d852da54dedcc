#!/usr/bin/env python3
"""Clients that make the server hold memory: many HTTP/2 streams that each hold as much as possible for few sent
bytes.

Each kind opens --connections connections with up to --streams streams each, and keeps them open until the file
`--stop` exists. Prints JSON objects, one per line: `holding` once everything is sent. Bounded in count and in time.
"""

import os
import time

import cli
from cli import report
from frames import REFERENCE, literal, remembered
from http2 import Connection
from hyperframe.frame import DataFrame, HeadersFrame

KINDS = ("windows", "heads", "trailers", "bodies")
# An entry of HPACK's dynamic table may have 4096 bytes: its name, its value and 32 bytes of overhead (RFC 7541 4.1).
LARGE = remembered(b"a", b"v" * 4000)


class Hoard:
    """One connection whose streams hold as much memory as they can."""

    def __init__(self, options, kind):
        self.options, self.kind = options, kind
        # The server cannot send response bodies, because this client never opens the flow control windows.
        self.wire = Connection(options, window=0)
        self.wire.give_back = False
        self.wire.wait(lambda: "Settings" in self.wire.frames, 30)
        self.opened = self.sent = 0
        if kind in ("heads", "trailers"):
            self.static = self.head(self.fields("POST", "/health"))
            # The first request puts a large field into HPACK's dynamic table, so that later ones can repeat it by one
            # byte.
            self.open(self.static + LARGE)

    def fields(self, method, path, *more):
        return self.wire.fields(method, path, more)

    def head(self, fields):
        """A header block without the dynamic table, so that entry 62 does not change."""
        return b"".join(literal(name.encode(), value.encode()) for name, value in fields)

    def open(self, block, ends=True):
        identifier = self.wire.new_stream()
        flags = ["END_HEADERS"] + (["END_STREAM"] if ends else [])
        self.send(HeadersFrame(identifier, data=block, flags=flags))
        self.opened += 1
        return identifier

    def send(self, frame):
        data = frame.serialize()
        self.sent += len(data)
        self.wire.send(data, pump=False)

    def stream(self):
        if self.kind == "windows":
            self.open(self.head(self.fields("GET", "/v1/models")))
        elif self.kind == "heads":
            more = [("content-type", "application/json"), ("content-length", "1")]
            block = self.head(self.fields("POST", "/v1/chat/completions", *more))
            self.open(block + REFERENCE * 7, ends=False)
        elif self.kind == "trailers":
            body = b'{"model":"nobody"}'
            block = self.head(self.fields("POST", "/v1/chat/completions", ("content-length", str(len(body)))))
            identifier = self.open(block, ends=False)
            self.send(DataFrame(identifier, data=body))
            flags = ["END_HEADERS", "END_STREAM"]
            self.send(HeadersFrame(identifier, data=REFERENCE * 7, flags=flags))
        else:
            length = ("content-length", str(self.options.length))
            block = self.head(self.fields("POST", "/v1/chat/completions", ("content-type", "application/json"), length))
            identifier = self.open(block, ends=False)
            self.send(DataFrame(identifier, data=b"{"))

    def fill(self):
        for number in range(self.options.streams):
            if self.wire.closed is not None or self.wire.goaway is not None:
                return
            self.stream()
            if number % 50 == 49:
                self.wire.pump(0)
        deadline = time.monotonic() + 10
        while self.wire.outbound and self.wire.closed is None and time.monotonic() < deadline:
            self.wire.pump(0.05)


def main():
    parser = cli.parser(__doc__)
    parser.add_argument("--connections", type=int, default=20, help="of each kind")
    parser.add_argument("--streams", type=int, default=1000, help="on each connection")
    parser.add_argument("--length", type=int, default=30 << 20, help="the content-length of bodies that do not come")
    parser.add_argument("--seconds", type=float, default=60, help="the longest time to hold on")
    parser.add_argument("--stop", required=True, help="the file that ends it")
    parser.add_argument("kinds", choices=KINDS, nargs="+")
    options = cli.parse(parser)
    hoards = [Hoard(options, kind) for kind in options.kinds for _ in range(options.connections)]
    for hoard in hoards:
        hoard.fill()
    wires = [hoard.wire for hoard in hoards]
    deadline = time.monotonic() + options.seconds
    # A busy server may refuse the last streams late. The count of refusals is final once half a second passes without
    # a further one.
    refused, changed, patience = 0, time.monotonic(), time.monotonic() + 30
    reported = False
    while time.monotonic() < deadline and not os.path.exists(options.stop):
        for wire in wires:
            wire.pump(0)
        now, last = time.monotonic(), refused
        refused = sum(wire.frames.get("RstStream", 0) for wire in wires)
        if refused != last:
            changed = now
        if not reported and now > changed + 0.5 and (refused > 0 or now > patience):
            reported = True
            report(
                holding=sum(hoard.opened for hoard in hoards),
                sent=sum(hoard.sent for hoard in hoards),
                refused=refused,
                ended=sum(wire.refused for wire in wires),
            )
        time.sleep(0.02)
    for wire in wires:
        wire.close(abort=True)


if __name__ == "__main__":
    main()
