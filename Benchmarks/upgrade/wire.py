"""The clients' side of the wire for the benchmark of upgrades: HTTP/1.1 and HTTP/2 over TLS that see every end.

An HTTP/2 client that sends its fields as literals and knows a response of status 200 by its first byte needs no HPACK.
"""

import asyncio
import json
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
NOTICE = 0x7FFFFFFF
WINDOW = 4 << 20


class Fault(Exception):
    """What no client may see: a stream that is cut, a request that fails and that may not be sent again."""


def context(authority, protocol):
    made = ssl.create_default_context(cafile=authority)
    made.set_alpn_protocols([protocol])
    return made


def body(model, seconds, stream=True, pace=1):
    """A chat request whose answer takes this long at the executor, at `pace` tokens a second."""
    tokens = max(2, round(seconds * pace))
    return json.dumps({"model": model, "stream": stream, "max_tokens": tokens,
                       "messages": [{"role": "user", "content": "hi"}],
                       "simulator": {"prefill_ms": 1, "pace": pace}}).encode()


class HTTP1:
    """One connection; `request` says what the server did with it."""

    def __init__(self, target, tls):
        self.target, self.tls = target, tls
        self.reader = self.writer = None

    async def open(self):
        try:
            self.reader, self.writer = await asyncio.open_connection(
                *self.target, ssl=self.tls, server_hostname="localhost" if self.tls else None)
        except OSError as error:
            raise Fault(f"a connection was refused or reset: {error!r}") from error

    @property
    def is_open(self):
        """Whether the client has seen no end of the connection; raises `Fault` if it was reset."""
        if self.reader is None:
            return False
        if (error := self.reader.exception()) is not None:
            raise Fault(f"HTTP/1.1: a connection without a request was reset: {error!r}")
        return not self.reader.at_eof() and not self.writer.is_closing()

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def request(self, content, key=None):
        """Sends one request; returns its status and its body, after it has closed a connection that is told to.

        Whatever else the server does is a fault, because the client must not send a POST again that may have been
        processed (RFC 9110 section 9.2.2): the connection is closed or reset without a whole response.
        """
        field = f"authorization: Bearer {key}\r\n" if key else ""
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{field}"
                f"content-length: {len(content)}\r\n\r\n")
        got = b""
        try:
            self.writer.write(head.encode() + content)
            got = await self.reader.readuntil(b"\r\n\r\n")
            status, fields = self._parse(got)
            if fields.get("transfer-encoding") == "chunked":
                answer = await self._chunked()
            else:
                answer = await self.reader.readexactly(int(fields.get("content-length", 0)))
        except (OSError, asyncio.IncompleteReadError, EOFError) as error:
            rest = getattr(error, "partial", b"")
            raise Fault(f"HTTP/1.1: no whole answer, but {error!r} after {got + rest!r:.200}") from error
        if fields.get("connection") == "close":
            self.close()
        return status, answer

    @staticmethod
    def _parse(head):
        lines = head.decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        return int(lines[0].split()[1]), {name.lower(): value for name, value in fields.items()}

    async def _chunked(self):
        parts = []
        while True:
            length = int((await self.reader.readuntil(b"\r\n"))[:-2], 16)
            parts.append((await self.reader.readexactly(length + 2))[:-2])
            if length == 0:
                return b"".join(parts)


class Stream:
    def __init__(self):
        self.body = bytearray()
        self.status_byte = None
        self.over = asyncio.get_running_loop().create_future()


class Unprocessed(Exception):
    """The final GOAWAY says that the server has not processed the request, so it may be sent again."""


class HTTP2:
    """One connection with many streams at once.

    `heeds_notice` is false for a client that opens streams until the final GOAWAY.
    """

    def __init__(self, target, tls, heeds_notice=True):
        self.target, self.tls, self.heeds_notice = target, tls, heeds_notice
        self.streams, self.next = {}, 1
        self.last = None
        self.is_notified = False
        self.unreturned = 0
        self.reading = None

    async def open(self):
        try:
            self.reader, self.writer = await asyncio.open_connection(
                *self.target, ssl=self.tls, server_hostname="localhost")
        except OSError as error:
            raise Fault(f"a connection was refused or reset: {error!r}") from error
        settings = struct.pack(">HI", 4, WINDOW)
        self.writer.write(PREFACE + self._frame(SETTINGS, 0, 0, settings)
                          + self._frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
        self.reading = asyncio.create_task(self._read())

    @property
    def takes_streams(self):
        return self.last is None and not self.reading.done() and not (self.is_notified and self.heeds_notice)

    @staticmethod
    def _frame(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload

    @staticmethod
    def _literal(name, value):
        assert len(name) < 127 and len(value) < 127
        return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()

    async def request(self, content, key=None):
        """Opens a stream; returns whether its status was 200, and the body.

        Raises `Unprocessed` if the request may be sent again, and `Fault` if it is lost.
        """
        fields = [(":method", "POST"), (":scheme", "https"), (":path", "/v1/chat/completions"),
                  (":authority", "localhost"), ("content-type", "application/json"),
                  ("content-length", str(len(content)))]
        if key:
            fields.append(("authorization", f"Bearer {key}"))
        number, self.next = self.next, self.next + 2
        stream = self.streams[number] = Stream()
        block = b"".join(self._literal(*field) for field in fields)
        if self.reading.done():
            del self.streams[number]
            raise Fault(f"HTTP/2: the connection ended before stream {number}, without a GOAWAY")
        self.writer.write(self._frame(HEADERS, 4, number, block) + self._frame(DATA, 1, number, content))
        try:
            await stream.over
        finally:
            del self.streams[number]
            if self.last is not None and not self.streams:
                self.close()
        return stream.status_byte == 0x88, bytes(stream.body)

    def close(self):
        self.writer.close()

    async def _read(self):
        try:
            while True:
                header = await self.reader.readexactly(9)
                length, kind, flags = int.from_bytes(header[:3]), header[3], header[4]
                payload = await self.reader.readexactly(length)
                self._take(kind, flags, int.from_bytes(header[5:9]) & NOTICE, payload)
        except (OSError, asyncio.IncompleteReadError) as error:
            for number, stream in list(self.streams.items()):
                if not stream.over.done():
                    stream.over.set_exception(
                        Fault(f"HTTP/2: the connection ended under stream {number} of at most {self.last}: {error!r}"))
            self.writer.close()

    def _take(self, kind, flags, number, payload):
        stream = self.streams.get(number)
        if kind == DATA:
            self.unreturned += len(payload)
            if stream:
                stream.body += payload
        elif kind == HEADERS and stream and stream.status_byte is None:
            stream.status_byte = payload[0]
        elif kind == RESET and stream and not stream.over.done():
            code = int.from_bytes(payload)
            # REFUSED_STREAM: nothing was processed (RFC 9113 section 8.7).
            failure = Unprocessed("REFUSED_STREAM") if code == 7 else Fault(f"HTTP/2: a stream was reset with {code}")
            stream.over.set_exception(failure)
        elif kind == SETTINGS and not flags & 1:
            self.writer.write(self._frame(SETTINGS, 1, 0))
        elif kind == PING and not flags & 1:
            self.writer.write(self._frame(PING, 1, 0, payload))
        elif kind == GOAWAY:
            self._told_to_go(*struct.unpack(">II", payload[:8]))
        if kind in (DATA, HEADERS) and flags & 1 and stream and not stream.over.done():
            stream.over.set_result(None)
        if self.unreturned > WINDOW // 2:
            self.writer.write(self._frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", self.unreturned)))
            self.unreturned = 0

    def _told_to_go(self, last, code):
        if last == NOTICE and code == 0:
            self.is_notified = True
            return
        self.last = last & NOTICE
        for number, stream in self.streams.items():
            if stream.over.done():
                continue
            if code != 0:
                stream.over.set_exception(Fault(f"HTTP/2: GOAWAY with {code}"))
            elif number > self.last:
                stream.over.set_exception(Unprocessed("above the last stream of GOAWAY"))
        if not self.streams:
            self.close()
