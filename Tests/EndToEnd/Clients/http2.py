"""The HTTP/2 client of all Python tests; it works on single frames, so that it can also send what no correct client
sends.

It uses the lower layers of the `h2` package (hyperframe, hpack), because h2's connection would refuse to send most of
that.
"""

import collections
import select
import socket
import ssl
import struct
import time

from cli import CONNECT_SECONDS, trust
from frames import PAYLOAD_MAX, PREFACE
from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

CANCEL = 8
INITIAL_WINDOW = 4
# The flow control window with which a connection and each stream start, in bytes (RFC 9113 section 6.9.2).
WINDOW = 65535


class Stream:
    """The data received on one stream."""

    def __init__(self, window=WINDOW):
        self.fields = []
        self.body = b""
        self.ended = False
        self.reset = None
        # The names, flags and details of the last two frames.
        self.last = collections.deque(maxlen=2)
        # How many bytes the server still allows on this stream, the bytes of the body that wait for more, and whether
        # the stream ends after them.
        self.window, self.unsent, self.ends = window, b"", False

    @property
    def is_over(self):
        return self.ended or self.reset is not None

    def __repr__(self):
        end = "ended" if self.ended else f"reset with {self.reset}" if self.reset is not None else "open"
        return f"{self.status}, {len(self.body)} bytes, {end}: {self.body[-300:]!r}"

    @property
    def status(self):
        return next((int(value) for name, value in self.fields if name == ":status" and value[0] != "1"), None)

    @property
    def events(self):
        return self.body.count(b"\n\n")


class Connection:
    """One connection to the server in `options`: its host, its port and, for TLS, the authority to trust (`ca`).

    `source`, `pair` and `before` in `options` are as in `cli.target`.

    It reads whenever it writes, so that client and server cannot wait for each other.
    """

    def __init__(self, options, window=1 << 20, acknowledge=True, receive_buffer=None):
        """`window` is that of each stream, in bytes; with `acknowledge=False` the server's SETTINGS are not
        acknowledged.
        """
        self.options, self.name = options, getattr(options, "name", "localhost")
        self.acknowledge = acknowledge
        self.give_back = True
        self.streams = {}
        self.frames = {}
        self.goaway = None
        self.closed = None
        self.next_stream = 1
        self.encoder, self.decoder = Encoder(), Decoder()
        self.inbound, self.outbound, self.block = b"", b"", b""
        # How many bytes of request bodies the server allows at first: on the connection, and on each new stream.
        self.window, self.initial_window = WINDOW, WINDOW

        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if source := getattr(options, "source", None):
            self.socket.bind((source, 0))
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(CONNECT_SECONDS)
        self.socket.connect((options.host, options.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(getattr(options, "before", b""))
        self.tls = None
        if options.ca:
            self.tls_in, self.tls_out = ssl.MemoryBIO(), ssl.MemoryBIO()
            context = trust(options.ca, "h2", getattr(options, "pair", None))
            self.tls = context.wrap_bio(self.tls_in, self.tls_out, server_hostname=self.name)
            self._handshake()
            if self.tls.selected_alpn_protocol() != "h2":
                raise ConnectionError(f"not h2 but {self.tls.selected_alpn_protocol()} was chosen")
        self.socket.setblocking(False)
        self.send(PREFACE + SettingsFrame(0, settings={INITIAL_WINDOW: window, 2: 0}).serialize())
        if window > WINDOW:
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
                if not data:
                    raise ConnectionError("closed during the handshake") from None
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

    def fields(self, method, path, more=()):
        return [
            (":method", method),
            (":scheme", "https" if self.tls else "http"),
            (":authority", f"{self.name}:{self.options.port}"),
            (":path", path),
            *more,
        ]

    def post_fields(self, path, length, more=()):
        """The fields of a request whose body is `length` bytes of JSON."""
        return self.fields("POST", path, [("content-type", "application/json"), ("content-length", str(length)), *more])

    def post(self, path, body, more=()):
        """Sends a complete request; returns its stream id."""
        return self.open(self.post_fields(path, len(body), more), body=body)

    def new_stream(self):
        """The id of the next stream, for a caller that builds its frames itself."""
        identifier = self.next_stream
        self.next_stream += 2
        self.streams[identifier] = Stream(self.initial_window)
        return identifier

    def open(self, fields, body=None, end=True):
        """Sends HEADERS, and DATA if there is a body; ends the stream if `end`.

        Body bytes that exceed the server's windows are sent as the windows open.
        """
        identifier = self.new_stream()
        block = self.encoder.encode(fields)
        pieces = [block[at : at + PAYLOAD_MAX] for at in range(0, len(block), PAYLOAD_MAX)]
        frames = [HeadersFrame(identifier, data=pieces[0])]
        frames += [ContinuationFrame(identifier, data=piece) for piece in pieces[1:]]
        if body is None and end:
            frames[0].flags.add("END_STREAM")
        frames[-1].flags.add("END_HEADERS")
        self.send(b"".join(frame.serialize() for frame in frames))
        if body:
            stream = self.streams[identifier]
            stream.unsent, stream.ends = body, end
            self._send_bodies()
            self.send(b"")
        elif body is not None and end:
            self.send(DataFrame(identifier, data=b"", flags=["END_STREAM"]).serialize())
        return identifier

    def _send_bodies(self):
        """Sends as much of the bodies as the windows allow."""
        for identifier, stream in self.streams.items():
            while stream.unsent and stream.reset is None:
                room = min(PAYLOAD_MAX, self.window, stream.window)
                if room <= 0:
                    break
                frame = DataFrame(identifier, data=stream.unsent[:room])
                stream.unsent = stream.unsent[room:]
                self.window -= len(frame.data)
                stream.window -= len(frame.data)
                if stream.ends and not stream.unsent:
                    frame.flags.add("END_STREAM")
                self.send(frame.serialize(), pump=False)

    def reset(self, identifier, code=CANCEL):
        self.streams[identifier].unsent = b""
        self.send(RstStreamFrame(identifier, error_code=code).serialize())

    def close(self, abort=False):
        if abort:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.closed = self.closed or "by us"

    # -- Reading

    def pump(self, seconds):
        """Sends pending bytes and receives, for at most `seconds`; returns whether bytes arrived."""
        if self.closed is not None:
            return False
        # poll, because select does not accept the descriptors of a thousand connections.
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
                    return False
                self._take(data)
                return True
        except BlockingIOError:
            pass
        except (ConnectionError, ssl.SSLError) as error:
            self._take_rest()
            self.closed = self.closed or type(error).__name__
        return False

    def read_ready(self):
        """Receives everything that has arrived, without waiting."""
        while self.pump(0):
            pass

    def _take_rest(self):
        """Receives what arrived before the connection broke, mainly the server's GOAWAY.

        A send may have failed before these bytes were read.
        """
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
        if stream:
            self._note(name, frame, stream)
        if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self._settings(frame.settings)
        elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
            self.send(PingFrame(0, opaque_data=frame.opaque_data, flags=["ACK"]).serialize(), pump=False)
        elif isinstance(frame, GoAwayFrame):
            self.goaway = frame.error_code
        elif isinstance(frame, RstStreamFrame) and stream:
            stream.reset = frame.error_code
        elif isinstance(frame, WindowUpdateFrame):
            if stream:
                stream.window += frame.window_increment
            elif frame.stream_id == 0:
                self.window += frame.window_increment
            self._send_bodies()
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

    @staticmethod
    def _note(name, frame, stream):
        entry = {"name": name, "stream": frame.stream_id, "flags": sorted(frame.flags)}
        if name == "Data":
            entry["done"] = bytes(frame.data).endswith(b"data: [DONE]\n\n")
        if name == "RstStream":
            entry["code"] = frame.error_code
        stream.last.append(entry)

    def _settings(self, settings):
        if INITIAL_WINDOW in settings:
            for stream in self.streams.values():
                stream.window += settings[INITIAL_WINDOW] - self.initial_window
            self.initial_window = settings[INITIAL_WINDOW]
        if self.acknowledge:
            self.send(SettingsFrame(0, flags=["ACK"]).serialize(), pump=False)
        self._send_bodies()

    def wait(self, condition, seconds):
        """Waits until the condition holds; returns whether it did before the time or the connection ended."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0 or self.closed is not None:
                return condition()
            self.pump(min(left, 0.05))
        return True

    def until(self, condition, what, seconds=90):
        """Waits until the condition holds; raises with everything received if it does not."""
        if not self.wait(condition, seconds):
            streams = "".join(f"\n  {identifier}: {stream}" for identifier, stream in self.streams.items())
            raise AssertionError(f"{what}: not within {seconds} s; GOAWAY {self.goaway}, {self.closed}{streams}")

    @property
    def refused(self):
        """Whether the server has closed this connection, or has sent GOAWAY with an error."""
        return self.closed is not None or self.goaway not in (None, 0)


def is_served(connection, seconds=30):
    """Whether the connection still answers a further request."""
    stream = connection.streams[connection.open(connection.fields("GET", "/health"))]
    connection.wait(lambda: stream.is_over, seconds)
    return stream.status == 200
