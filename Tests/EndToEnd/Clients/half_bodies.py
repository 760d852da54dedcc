#!/usr/bin/env python3
"""Clients that each send a part of a request body and then stop, so that together they fill the server's memory.

Prints two JSON objects: `filled` once no client can send more, and `ended` with the number of bodies by how they ended.
Bounded in count and in time.
"""

import collections
import time

import cli
from cli import report
from http1 import HTTP1
from http2 import Connection

PATH = "/v1/chat/completions"
# The beginning of a request; the rest of the body is never sent.
BEGINNING = b'{"model":"demo","messages":[{"role":"user","content":"'


class OverHTTP1:
    """One connection with one body."""

    def __init__(self, options, body):
        self.wire = HTTP1(options)
        head = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        self.unsent = head.encode() + f"content-length: {options.length}\r\n\r\n".encode() + body
        self.wire.socket.setblocking(False)
        self.closed = None

    def pump(self):
        if self.outcomes()[0]:
            return
        try:
            while self.unsent:
                self.unsent = self.unsent[self.wire.socket.send(self.unsent[: 1 << 18]) :]
        except BlockingIOError:
            pass
        except ConnectionError:
            self.unsent = b""
        try:
            data = self.wire.socket.recv(1 << 16)
            self.wire.raw += data
            if not data:
                self.closed = "closed"
        except BlockingIOError:
            pass
        except ConnectionError:
            self.closed = "reset"

    @property
    def left(self):
        return len(self.unsent)

    def outcomes(self):
        return [self.wire.parse()[0] or self.closed]

    def close(self):
        self.wire.close(abort=True)


class OverHTTP2:
    """One connection with one body on each of its streams."""

    def __init__(self, options, body):
        self.wire = Connection(options)
        self.wire.wait(lambda: "Settings" in self.wire.frames, 30)
        for _ in range(options.streams):
            self.wire.open(self.wire.post_fields(PATH, options.length), body=body, end=False)

    def pump(self):
        self.wire.pump(0)

    @property
    def left(self):
        streams = self.wire.streams.values()
        return len(self.wire.outbound) + sum(len(stream.unsent) for stream in streams if not stream.is_over)

    def outcomes(self):
        streams = self.wire.streams.values()
        return [
            stream.status or (stream.reset is not None and f"reset with {stream.reset}") or self.wire.closed
            for stream in streams
        ]

    def close(self):
        self.wire.close(abort=True)


def main():
    parser = cli.parser(__doc__)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--streams", type=int, default=1, help="on each connection, of HTTP/2")
    parser.add_argument("--http2", action="store_true")
    parser.add_argument("--length", type=int, default=3 << 20, help="the content-length of each body")
    parser.add_argument("--part", type=int, default=3 << 19, help="how many bytes of each body are sent")
    parser.add_argument("--seconds", type=float, default=90, help="the longest time to hold on")
    options = cli.parse(parser)
    body = BEGINNING + b"x" * (options.part - len(BEGINNING))
    make = OverHTTP2 if options.http2 else OverHTTP1
    clients = [make(options, body) for _ in range(options.connections)]
    deadline = time.monotonic() + options.seconds
    left, changed, reported = None, time.monotonic(), False
    while time.monotonic() < deadline:
        for client in clients:
            client.pump()
        last, left = left, sum(client.left for client in clients)
        if left != last:
            changed = time.monotonic()
        if not reported and time.monotonic() > changed + 0.5:
            reported = True
            report(filled=options.connections * options.streams * options.part - left)
        outcomes = [outcome for client in clients for outcome in client.outcomes()]
        if reported and all(outcomes):
            break
        time.sleep(0.02)
    counted = collections.Counter("open" if not outcome else str(outcome) for outcome in outcomes)
    report(ended=counted)
    for client in clients:
        client.close()


if __name__ == "__main__":
    main()
