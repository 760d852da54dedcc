"""A client with one TLS 1.3 connection at a time: handshakes, tickets, and the part of HTTP/2 that a request needs.
"""

import contextlib
import select
import socket
import ssl
import time

from frames import ACKNOWLEDGED, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RESET, SETTINGS
from frames import frame, literal, split

from .processes import Failed


class Client:
    """`alpn` is "h2" or "http/1.1"."""

    def __init__(self, port, certificate, alpn):
        self.context = context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certificate)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols([alpn])
        self.port, self.alpn = port, alpn

    def connect(self, session=None):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = self.context.wrap_socket(plain, server_hostname="localhost", session=session)
        if tls.version() != "TLSv1.3" or tls.selected_alpn_protocol() not in (self.alpn, None):
            raise Failed(f"bench: negotiated {tls.version()} {tls.selected_alpn_protocol()}")
        return tls

    def ticket(self, tls, resumed=None, patience=2.0):
        """The session of a new ticket, other than `resumed`; None if no ticket arrives.

        A server sends tickets after the handshake, so the client has to read for them. OpenSSL gives each one a new
        id.
        """
        def is_there():
            return tls.session.has_ticket and (resumed is None or tls.session.id != resumed.id)

        deadline = time.monotonic() + patience
        tls.setblocking(False)
        while not is_there() and time.monotonic() < deadline:
            try:
                if tls.recv(4096) == b"":
                    break
            except ssl.SSLWantReadError:
                if not is_there():
                    select.select([tls], [], [], 0.05)
        tls.settimeout(20)
        return tls.session if is_there() else None

    def end(self, tls):
        """Sends close_notify and reads until the proxy's end, because unread bytes would turn the close into a reset.

        Returns how long that took, in seconds.
        """
        began = time.monotonic()
        with contextlib.suppress(ssl.SSLError, OSError):
            plain = tls.unwrap()
            plain.recv(1)
            plain.close()
        tls.close()
        return time.monotonic() - began


class HTTP2Connection:
    """An HTTP/2 connection: preface and SETTINGS, then requests one after the other."""

    def __init__(self, tls):
        self.tls, self.frames, self.buffer, self.next, self.is_open = tls, [], b"", 1, False
        tls.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def read_frame(self):
        while not self.frames:
            received = self.tls.recv(65536)
            if not received:
                raise Failed("bench: the proxy closed a connection")
            self.frames, self.buffer = split(self.buffer + received)
        kind, flags, stream, payload = self.frames.pop(0)
        if kind == SETTINGS and not flags & ACKNOWLEDGED:
            self.tls.sendall(frame(SETTINGS, ACKNOWLEDGED, 0))
        if kind == SETTINGS and flags & ACKNOWLEDGED:
            self.is_open = True
        if kind in (GOAWAY, RESET):
            raise Failed(f"bench: the proxy sent {'GOAWAY' if kind == GOAWAY else 'RST_STREAM'} {payload.hex()}")
        return kind, flags, stream, payload

    def open(self):
        """Waits until both sides have acknowledged the other's SETTINGS."""
        seen = False
        while not (seen and self.is_open):
            kind, flags, _, _ = self.read_frame()
            seen = seen or kind == SETTINGS and not flags & ACKNOWLEDGED

    def post(self, path, body):
        """Sends a POST; returns the body of the response."""
        return self.answer(self.send_request(path, body))

    def send_request(self, path, body):
        """Sends a request in one write; returns its stream id."""
        stream, self.next = self.next, self.next + 2
        fields = literal(b":method", b"POST") + literal(b":scheme", b"https") + literal(b":path", path.encode())
        fields += literal(b":authority", b"localhost") + literal(b"content-type", b"application/json")
        fields += literal(b"content-length", str(len(body)).encode())
        self.tls.sendall(frame(HEADERS, END_HEADERS, stream, fields) + frame(DATA, END_STREAM, stream, body))
        return stream

    def answer(self, stream, length=None):
        """The body of a stream's response, or at least its next `length` bytes."""
        answer = b""
        while length is None or len(answer) < length:
            kind, flags, of, payload = self.read_frame()
            if of != stream:
                continue
            if kind == DATA:
                answer += payload
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                break
        return answer

    def leave(self):
        self.tls.sendall(frame(GOAWAY, 0, 0, bytes(8)))
