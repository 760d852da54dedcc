#!/usr/bin/env python3
"""Clients that leave: in a certain phase of the exchange, and in a way that their protocol allows.

Prints one JSON object: how many tokens each request had received when its client left (`tokens`, by request id), and
whether the connection still served a request after a reset.
"""

import os
import socket
import ssl
import time

import cli
from cli import expect, report
from http1 import HTTP1, tokens
from http2 import Connection, is_served
from hyperframe.frame import DataFrame, HeadersFrame

def reached(options, body):
    """Whether the body so far is what the client waits for before it leaves."""
    if options.until == "done":
        return body.endswith(b"data: [DONE]\n\n")
    if options.until == "comment":
        return b": keep-alive\n\n" in body
    return tokens(body) >= options.tokens


def settle(options):
    """Waits until the test reports, by creating a file, that the phase has been reached.

    Without such a file it waits a moment: the server does not show that it has half a head.
    """
    if options.told is None:
        return time.sleep(0.1)
    deadline = time.monotonic() + 90
    while not os.path.exists(options.told):
        expect(time.monotonic() < deadline, "was never told to leave")
        time.sleep(0.002)


def key(options):
    """The field with the client's API key; none without a key."""
    return [("authorization", f"Bearer {options.key}")] if options.key else []


def leave_http2(options, body):
    wire = Connection(options, window=options.window)
    wire.wait(lambda: "Settings" in wire.frames, 30)
    if options.until == "head":
        # The client sends half a header block and leaves.
        block = wire.encoder.encode(wire.post_fields(options.path, len(body)))
        wire.send(HeadersFrame(1, data=block[: len(block) // 2]).serialize())
        settle(options)
        leave(wire, options)
        return report(tokens={})
    opened = []
    for number in range(options.streams):
        name = f"leaver-{number}"
        fields = wire.post_fields(options.path, len(body), [("x-request-id", name), *key(options)])
        if options.until == "body":
            identifier = wire.open(fields, end=False)
            wire.send(DataFrame(identifier, data=body[: len(body) // 2]).serialize())
        else:
            identifier = wire.open(fields, body=body)
        opened.append((name, wire.streams[identifier], identifier))
    if options.until in ("body", "told"):
        settle(options)
    else:
        good = wire.wait(lambda: all(reached(options, stream.body) for _, stream, _ in opened), 60)
        expect(good, f"not reached: {[(s.status, s.body[-200:]) for _, s, _ in opened][:3]}")
    ended = [stream for _, stream, _ in opened if stream.is_over]
    expect(options.until == "done" or not ended, f"the server left first: {[s.body[-300:] for s in ended]}")
    if options.how == "reset":
        for _, _, identifier in opened:
            wire.reset(identifier)
    else:
        leave(wire, options)
    seen = {name: tokens(stream.body) for name, stream, _ in opened}
    good = is_served(wire) if options.how == "reset" else None
    report(tokens=seen, served_after=good)
    expect(good is not False, "the same connection is not served after a reset")
    if options.how == "reset":
        wire.close()


def leave_http1(options, body):
    client = HTTP1(options)
    if options.until == "head":
        client.socket.sendall(f"POST {options.path} HTTP/1.1\r\nhost: localhost\r\ncontent-ty".encode())
        settle(options)
    elif options.until == "body":
        head = f"POST {options.path} HTTP/1.1\r\nhost: localhost\r\nx-request-id: leaver-0\r\n"
        client.socket.sendall((head + f"content-length: {len(body)}\r\n\r\n").encode() + body[: len(body) // 2])
        settle(options)
    else:
        client.request(options.path, body, [("x-request-id", "leaver-0"), *key(options)])
        if options.until == "told":
            settle(options)
        else:
            deadline = time.monotonic() + 60
            while not reached(options, client.parse()[2]):
                expect(time.monotonic() < deadline, f"not reached: {client.raw[-300:]!r}")
                expect(client.read(1), f"the server left first: {client.raw[-300:]!r}")
    seen = tokens(client.parse()[2])
    leave(client, options)
    report(tokens={"leaver-0": seen})
    if options.how == "half":
        # The client keeps reading; the server must not wait for it to close.
        deadline = time.monotonic() + 30
        while client.read(0.5) and time.monotonic() < deadline:
            pass
        report(ended=client.ending)


def leave(client, options):
    if options.how == "half":
        client.socket.shutdown(socket.SHUT_WR)
    elif options.how == "notify":
        # Sends a close_notify alert and then a FIN, as a correct TLS client does.
        try:
            client.socket.settimeout(0.2)
            client.socket.unwrap().close()
        except (OSError, ssl.SSLError, ValueError):
            client.socket.close()
    else:
        client.close(abort=options.how == "abort")


def main():
    parser = cli.parser(__doc__)
    parser.add_argument("--speaking", choices=("h2", "1.1"), default="h2")
    parser.add_argument("--path", default="/v1/chat/completions")
    parser.add_argument("--body", required=True)
    parser.add_argument("--until", choices=("head", "body", "told", "tokens", "comment", "done"), default="tokens")
    parser.add_argument("--tokens", type=int, default=1, help="token events to see before leaving")
    parser.add_argument("--told", help="the file that says that it is time to leave")
    parser.add_argument("--key", help="the client's API key")
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--window", type=int, default=1 << 20)
    parser.add_argument("--how", choices=("reset", "close", "abort", "half", "notify"), default="close")
    options = cli.parse(parser)
    (leave_http2 if options.speaking == "h2" else leave_http1)(options, options.body.encode())


if __name__ == "__main__":
    main()
