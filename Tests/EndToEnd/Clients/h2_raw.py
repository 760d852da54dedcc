#!/usr/bin/env python3
"""Speaks HTTP/2 with single frames, to send what no correct client sends.

Each scenario prints JSON objects, one per line. It exits with 1 if the server served on during a flood, or served no
client after it. Every scenario is bounded in count and in time.
"""

import json
import struct
import time

import cli
import frames
from cli import expect, report
from http2 import CANCEL, INITIAL_WINDOW, Connection, is_served
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

CHAT = "/v1/chat/completions"


def chat_body(options):
    body = {
        "model": options.model,
        "stream": True,
        "max_tokens": options.tokens,
        "messages": [{"role": "user", "content": options.prompt}],
    }
    return json.dumps(body | json.loads(options.extra or "{}")).encode()


def served_after(options):
    """Checks that a new connection is served as usual."""
    wire = Connection(options)
    good = is_served(wire)
    wire.close()
    report(served_after=good)
    expect(good, "a new connection is not served")


# -- A client that leaves


def leave(options):
    """Leaves in a phase (--phase) and in a way (--how), and reports when (`left`, as time.time())."""
    wire = Connection(options)
    body = chat_body(options)
    wire.wait(lambda: "Settings" in wire.frames, 30)
    if options.phase == "head":
        identifier = wire.open(wire.post_fields(CHAT, len(body)), end=False)
        time.sleep(options.after)
    elif options.phase == "body":
        identifier = wire.open(wire.post_fields(CHAT, len(body)), body=body[: len(body) // 2], end=False)
        time.sleep(options.after)
    else:
        identifier = wire.post(CHAT, body)
        stream = wire.streams[identifier]
        if options.phase == "prefill":
            # The server's keep-alive comments may have arrived, but no event of the executor.
            wire.wait(lambda: b"data:" in stream.body, options.after)
            expect(b"data:" not in stream.body, "the executor was not silent")
        else:
            wire.wait(lambda: stream.events >= options.events, 30)
            expect(stream.events >= options.events, f"only {stream.events} events: {stream.body[:300]!r}")
    stream = wire.streams[identifier]
    expect(stream.reset is None and wire.closed is None, f"the server left first: {stream.fields} {stream.body[:300]!r}")
    left = time.time()
    if options.how == "reset":
        wire.reset(identifier)
    else:
        wire.close(abort=options.how == "abort")
    wire.pump(0)
    report(phase=options.phase, how=options.how, events=stream.events, status=stream.status, left=left)
    if options.how == "reset":
        good = is_served(wire)
        report(served_after=good)
        expect(good, "the same connection is not served after a reset")
    wire.close()


def stream_to_end(options):
    """Reads a stream to its end: what arrived, how it ended, and the times of its events."""
    wire = Connection(options)
    body = chat_body(options)
    started = time.monotonic()
    stream = wire.streams[wire.post(CHAT, body)]
    times = []

    def moved():
        while len(times) < stream.events:
            times.append(round(1000 * (time.monotonic() - started), 3))
        return stream.is_over

    wire.wait(moved, options.seconds)
    report(
        status=stream.status,
        fields=dict(stream.fields),
        body=stream.body.decode(errors="replace"),
        events=stream.events,
        times_ms=times,
        ended=stream.ended,
        reset=stream.reset,
        goaway=wire.goaway,
        closed=wire.closed,
    )
    wire.close()


def request(options):
    """Sends one request (--method, --path, --field, --body); --unfinished leaves its body open."""
    wire = Connection(options)
    # A CONNECT has neither :scheme nor :path (RFC 9113 section 8.5).
    omitted = (":scheme", ":path") if options.method == "CONNECT" else ()
    fields = [field for field in wire.fields(options.method, options.path) if field[0] not in omitted]
    fields += [tuple(field.split(":", 1)) for field in options.field]
    body = options.body.encode() if options.body is not None else None
    stream = wire.streams[wire.open(fields, body=body, end=not options.unfinished)]
    wire.wait(lambda: stream.is_over, options.seconds)
    if options.unfinished:
        # RST_STREAM follows END_STREAM.
        wire.wait(lambda: stream.reset is not None, 30)
    report(
        status=stream.status,
        fields=dict(stream.fields),
        body=stream.body.decode(errors="replace"),
        ended=stream.ended,
        reset=stream.reset,
        goaway=wire.goaway,
        closed=wire.closed,
    )
    wire.close()


def drain(options):
    """A stream during which the server is told to drain: requests /health once GOAWAY announces the drain."""
    wire = Connection(options)
    body = chat_body(options)
    stream = wire.streams[wire.post(CHAT, body)]
    wire.wait(lambda: stream.events > 0, options.seconds)
    report(streaming=stream.events > 0)
    wire.wait(lambda: wire.goaway is not None, options.seconds)
    health = wire.streams[wire.open(wire.fields("GET", "/health"))]
    wire.wait(lambda: health.is_over, options.seconds)
    report(answered=health.ended)
    wire.wait(lambda: stream.is_over, options.seconds)
    report(
        goaway=wire.goaway,
        health=health.status,
        health_body=health.body.decode(),
        ended=stream.ended,
        reset=stream.reset,
        body=stream.body.decode(errors="replace"),
    )
    wire.close()


def refused_requests(options):
    """Sends requests one after the other, at most --count, until the server says GOAWAY; reports their statuses."""
    wire = Connection(options)
    statuses = []
    while len(statuses) < options.count and not wire.refused:
        stream = wire.streams[wire.open(wire.fields("GET", options.path))]
        wire.wait(lambda stream=stream: stream.is_over or wire.closed is not None, 30)
        statuses.append(stream.status)
    wire.wait(lambda: wire.closed is not None, 30)
    report(statuses=statuses, goaway=wire.goaway, closed=wire.closed)
    wire.close()


# -- A client that does not read


def slow_readers(options):
    """Many connections with streams that nobody reads: with tiny windows, or with a socket that is not read (--stop).
    """
    window = options.window if options.stop == "window" else 1 << 20
    body = chat_body(options)
    wires = []
    for _ in range(options.connections):
        wire = Connection(options, window=window, receive_buffer=4096 if options.stop == "socket" else None)
        wire.give_back = False
        for _ in range(options.streams):
            wire.post(CHAT, body)
        wires.append(wire)
    report(established=len(wires), streams=options.streams * len(wires))
    deadline = time.monotonic() + options.seconds
    while time.monotonic() < deadline:
        if options.stop == "window":
            for wire in wires:
                wire.pump(0)
        time.sleep(0.05)
    if options.stop == "socket":
        for wire in wires:
            wire.wait(lambda: False, 0.01)
    streams = [stream for wire in wires for stream in wire.streams.values()]
    report(
        held=sum(wire.closed is None for wire in wires),
        closed=sum(wire.closed is not None for wire in wires),
        reset=sum(stream.reset is not None for stream in streams),
        answered=sum(stream.status == 200 for stream in streams),
        bytes=sum(len(stream.body) for stream in streams),
    )
    for wire in wires:
        wire.close(abort=True)
    served_after(options)


# -- Floods


def flood(options, make, name, must_end=True, prepare=None):
    """Sends up to --count results of `make(i)`, and reports when and how the server ended the connection."""
    wire = Connection(options)
    wire.wait(lambda: "Settings" in wire.frames, 30)
    if prepare:
        prepare(wire)
    started = time.monotonic()
    sent = 0
    while sent < options.count and not wire.refused and time.monotonic() - started < options.seconds:
        wire.send(b"".join(make(wire, sent + i) for i in range(min(50, options.count - sent))))
        sent += 50
    wire.wait(lambda: wire.refused, 30)
    report(
        scenario=name,
        sent=min(sent, options.count),
        ended=wire.refused,
        goaway=wire.goaway,
        closed=wire.closed,
        seconds=round(time.monotonic() - started, 3),
        resets_from_server=wire.frames.get("RstStream", 0),
    )
    ended = wire.refused
    wire.close(abort=True)
    served_after(options)
    expect(ended or not must_end, f"{name}: the server took all of it")


def rapid_reset(options):
    """Rapid reset: HEADERS and RST_STREAM, repeated (CVE-2023-44487)."""

    def make(wire, _):
        identifier = wire.new_stream()
        block = wire.encoder.encode(wire.fields("GET", "/v1/models"))
        return (
            HeadersFrame(identifier, data=block, flags=["END_HEADERS", "END_STREAM"]).serialize()
            + RstStreamFrame(identifier, error_code=CANCEL).serialize()
        )

    flood(options, make, "rapid_reset")


def made_you_reset(options):
    """Makes the server reset its streams: a window beyond 2^31-1 on each (CVE-2025-8671)."""
    body = chat_body(options)

    def make(wire, _):
        identifier = wire.new_stream()
        block = wire.encoder.encode(wire.post_fields(CHAT, len(body)))
        return (
            HeadersFrame(identifier, data=block, flags=["END_HEADERS"]).serialize()
            + DataFrame(identifier, data=body, flags=["END_STREAM"]).serialize()
            + WindowUpdateFrame(identifier, window_increment=(1 << 31) - 1).serialize()
        )

    flood(options, make, "made_you_reset")


def ping_flood(options):
    flood(options, lambda wire, i: PingFrame(0, opaque_data=struct.pack(">Q", i)).serialize(), "ping_flood")


def settings_flood(options):
    flood(options, lambda wire, i: SettingsFrame(0, settings={INITIAL_WINDOW: 65535}).serialize(), "settings_flood")


def priority_flood(options):
    def make(wire, i):
        return PriorityFrame(2 * i + 1, depends_on=0, stream_weight=1).serialize()

    flood(options, make, "priority_flood")


def window_update_flood(options):
    flood(options, lambda wire, i: WindowUpdateFrame(0, window_increment=1).serialize(), "window_update_flood")


def empty_data(options):
    """A request body of empty DATA frames (CVE-2019-9518)."""
    opened = {}

    def prepare(wire):
        opened["stream"] = wire.open(wire.post_fields(CHAT, 1000), end=False)

    flood(options, lambda wire, i: DataFrame(opened["stream"], data=b"").serialize(), "empty_data", prepare=prepare)


def header_bomb(options):
    """An HPACK bomb: one field of --value bytes, and --count references to it of one byte each."""
    wire = Connection(options)
    wire.wait(lambda: "Settings" in wire.frames, 30)
    block = wire.encoder.encode(wire.fields("GET", "/v1/models"))
    block += frames.remembered(b"a", b"v" * options.value) + frames.REFERENCE * options.count
    identifier = wire.new_stream()
    stream = wire.streams[identifier]
    started = time.monotonic()
    for kind, flags, _, piece in frames.split(frames.block(identifier, block))[0]:
        if wire.refused:
            break
        wire.send(frames.frame(kind, flags, identifier, piece))
    wire.wait(lambda: wire.refused or stream.is_over, 30)
    report(
        scenario="header_bomb",
        wire_bytes=len(block),
        status=stream.status,
        reset=stream.reset,
        goaway=wire.goaway,
        closed=wire.closed,
        seconds=round(time.monotonic() - started, 3),
    )
    refused = wire.refused or stream.reset is not None or stream.status in (400, 431)
    wire.close(abort=True)
    served_after(options)
    expect(refused, "the fields were taken")


def continuation_flood(options):
    """A header block that never ends (CVE-2024-28182)."""

    def prepare(wire):
        block = wire.encoder.encode(wire.fields("GET", "/v1/models"))
        wire.send(HeadersFrame(1, data=block, flags=["END_STREAM"]).serialize())

    def make(wire, i):
        return ContinuationFrame(1, data=b"\x00\x01a\x01b").serialize()

    flood(options, make, "continuation_flood", prepare=prepare)


def settings_unacknowledged(options):
    """Never acknowledges the server's SETTINGS; the server has to end the connection."""
    wire = Connection(options, acknowledge=False)
    started = time.monotonic()
    wire.wait(lambda: wire.refused, options.seconds)
    report(scenario="settings_unacknowledged", ended=wire.refused, goaway=wire.goaway, closed=wire.closed,
           seconds=round(time.monotonic() - started, 3))
    ended = wire.refused
    wire.close(abort=True)
    served_after(options)
    expect(ended, "SETTINGS may stay unacknowledged")


SCENARIOS = {
    function.__name__: function
    for function in (
        leave, stream_to_end, request, refused_requests, drain, slow_readers, rapid_reset, made_you_reset, ping_flood, settings_flood, priority_flood,
        window_update_flood, empty_data, header_bomb, continuation_flood, settings_unacknowledged,
    )
}  # fmt: skip


def main():
    parser = cli.parser(__doc__)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--prompt", default="Hello")
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--extra", help="further members of the request's body, as a JSON object")
    parser.add_argument("--phase", choices=("head", "body", "prefill", "streaming"), default="streaming")
    parser.add_argument("--how", choices=("reset", "close", "abort"), default="reset", help="RST_STREAM, FIN or RST")
    parser.add_argument("--after", type=float, default=0.1, help="seconds to stay in the phase before leaving")
    parser.add_argument("--events", type=int, default=3, help="events to see before leaving a stream")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--streams", type=int, default=1, help="streams on each of the connections")
    parser.add_argument("--window", type=int, default=16, help="the stream windows of slow readers, in bytes")
    parser.add_argument("--stop", choices=("window", "socket"), default="window")
    parser.add_argument("--count", type=int, default=20000, help="frames of a flood, fields of a bomb")
    parser.add_argument("--value", type=int, default=1, help="bytes in the value of a bomb's field")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--path", default="/health")
    parser.add_argument("--field", action="append", default=[], help="name:value of a request; may be repeated")
    parser.add_argument("--body", help="the body of a request")
    parser.add_argument("--unfinished", action="store_true", help="a request's body never ends")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("scenario", choices=SCENARIOS)
    options = cli.parse(parser)
    SCENARIOS[options.scenario](options)


if __name__ == "__main__":
    main()
