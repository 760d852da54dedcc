"""The kinds of attacks, by name. Each says what one of its connections sends, and what it does with the answers.

`listener` is the one that is attacked. `is_limited` is true for the floods against which the server has limits that are
off by default.
"""

import itertools
import ssl
import time

import frames
from flood import Attack
from tools.attacking import answer_in, head, request, short

MODEL = "other"
PROMPT = b"All work and no play makes Jack a dull boy. " * 20
HALF_BODIES = 100
# The size in bytes of a request body in the attack `half-bodies`. The attacker sends half of each of 100 bodies, which
# together fill the server's memory_limit of 256 MiB.
HALF_BODY = 5_400_000


def chat(content, **members):
    """The body of a chat request to the attackers' model."""
    more = b"".join(b',"%s":%s' % (name.encode(), str(value).lower().encode()) for name, value in members.items())
    return (b'{"model":"%s","messages":[{"role":"user","content":"%s"}]%s,"simulator":{"prefill_ms":0,"pace":2000}}'
            % (MODEL.encode(), content, more))


class ConnectionsHeld(Attack):
    """Connections that are opened and held without a byte."""

    name, wanted, listener = "connections-held", 12_000, "tls"


class ConnectionsClosed(Attack):
    """Connections that are opened and closed at once."""

    name, wanted, listener = "connections-closed", 128, "tls"

    def begin(self, connection):
        self.counts["done"] += 1
        return None


# The context does not load the system's certificate authorities, because that would take longer than the handshake.
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


def client_side():
    """A TLS client without a socket, which never resumes a session; with its two buffers."""
    arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    return CONTEXT.wrap_bio(arriving, leaving, server_hostname="localhost"), arriving, leaving


class Hellos(Attack):
    """The same recorded ClientHello again and again, which costs the server a signature and the client nothing."""

    name, wanted, listener = "hellos", 256, "tls"

    def __init__(self, options):
        super().__init__(options)
        client, _, leaving = client_side()
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            self.hello = leaving.read()

    def begin(self, connection):
        return self.hello

    def received(self, connection, data):
        self.counts["done"] += 1
        return None


class Handshakes(Attack):
    """Whole TLS handshakes without resumption."""

    name, wanted, listener = "handshakes", 64, "tls"

    def begin(self, connection):
        connection.state = client_side()
        return self.step(connection)

    def received(self, connection, data):
        connection.state[1].write(data)
        return self.step(connection)

    def step(self, connection):
        client, _, leaving = connection.state
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            return leaving.read()
        except ssl.SSLError:
            self.counts["failed"] += 1
            return None
        self.counts["done"] += 1
        return None


class Requests(Attack):
    """Short requests with a valid key over HTTP/1.1, one after the other on each connection."""

    name, wanted, listener, is_limited = "requests", 64, "clear", True

    def __init__(self, options):
        super().__init__(options)
        self.message = request(short(MODEL), options.key)

    def next_message(self):
        return self.message

    def begin(self, connection):
        connection.state = b""
        return self.next_message()

    def received(self, connection, data):
        connection.state += data
        out = b""
        while (answer := answer_in(connection.state)) is not None:
            status, connection.state = answer
            self.counts[f"status {status}"] += 1
            out += self.next_message()
        return out


class Unauthorized(Requests):
    """Requests whose key is unknown, another one each time, over HTTP/1.1."""

    name = "unauthorized"
    numbers = itertools.count()

    def next_message(self):
        return request(short(MODEL), f"fi-unknown{next(self.numbers):032x}")


class HTTP2(Attack):
    """The part of HTTP/2 that an attacker needs; `state` is the rest of a frame that is not complete."""

    wanted, listener, is_limited = 8, "clear", True

    def begin(self, connection):
        connection.state = {"rest": b"", "stream": 1, "window": 65535}
        settings = frames.frame(frames.SETTINGS, 0, 0)
        window = frames.frame(frames.WINDOW_UPDATE, 0, 0, frames.number(1 << 30))
        return frames.PREFACE + settings + window + self.first(connection)

    def first(self, connection):
        return b""

    def received(self, connection, data):
        state = connection.state
        arrived, state["rest"] = frames.split(state["rest"] + data)
        out = b""
        for kind, flags, stream, payload in arrived:
            if kind == frames.GOAWAY:
                self.counts["GOAWAY"] += 1
                return None
            out += self.frame(connection, kind, flags, stream, payload)
        return out

    def frame(self, connection, kind, flags, stream, payload):
        """What follows on one frame of the server's."""
        if kind in (frames.SETTINGS, frames.PING) and not flags & frames.ACKNOWLEDGED:
            return frames.frame(kind, frames.ACKNOWLEDGED, 0, payload if kind == frames.PING else b"")
        if kind == frames.WINDOW_UPDATE and stream == 0:
            connection.state["window"] += int.from_bytes(payload, "big")
        if kind == frames.HEADERS and not payload.startswith(b"\x88"):
            self.counts["status other than 200"] += 1
        if kind == frames.RESET:
            self.counts["reset by the server"] += 1
            return self.follow(connection)
        if kind in (frames.HEADERS, frames.DATA) and flags & frames.END_STREAM:
            self.counts["answered"] += 1
            return self.follow(connection)
        return b""

    def follow(self, connection):
        """What follows on the end of a stream."""
        return b""

    def post(self, connection, body, key):
        """A request on the connection's next stream."""
        state = connection.state
        stream, state["stream"] = state["stream"], state["stream"] + 2
        state["window"] -= len(body)
        fields = frames.literal(b":method", b"POST") + frames.literal(b":scheme", b"http")
        fields += frames.literal(b":path", b"/v1/chat/completions") + frames.literal(b":authority", b"x")
        fields += frames.literal(b"content-type", b"application/json")
        fields += frames.literal(b"authorization", b"Bearer " + key.encode())
        return (frames.frame(frames.HEADERS, frames.END_HEADERS, stream, fields)
                + frames.frame(frames.DATA, frames.END_STREAM, stream, body))


class RequestsHTTP2(HTTP2):
    """Short requests with a valid key over HTTP/2, 50 at once on each connection."""

    name = "requests-h2"
    body = short(MODEL)

    def key(self):
        return self.options.key

    def first(self, connection):
        return b"".join(self.post(connection, self.body, self.key()) for _ in range(50))

    def follow(self, connection):
        return self.post(connection, self.body, self.key())


class UnauthorizedHTTP2(RequestsHTTP2):
    """Requests whose key is unknown, another one each time, over HTTP/2."""

    name = "unauthorized-h2"
    numbers = itertools.count()

    def key(self):
        return f"fi-unknown{next(self.numbers):032x}"


class Resets(HTTP2):
    """Requests with prompts over HTTP/2, 20 at a time; each is reset once the executor may have begun with it."""

    name, interval = "resets", 0.005
    body = chat(PROMPT, stream="true", max_tokens=1000)

    def again(self, connection):
        state, out = connection.state, b""
        for stream in state.get("open", []):
            out += frames.frame(frames.RESET, 0, stream, frames.number(8))
            self.counts["resets"] += 1
        before = state["stream"]
        while state["stream"] < before + 40 and state["window"] > len(self.body):
            out += self.post(connection, self.body, self.options.key)
        state["open"] = range(before, state["stream"], 2)
        return out


class Bodies(Attack):
    """Requests of 1 MiB of which half is sent at once, and the rest one byte a second.

    They come slowly, so that they are no flood of requests where many of them are refused.
    """

    name, wanted, opened_a_second, listener, interval = "bodies", 1000, 100, "clear", 1

    def __init__(self, options):
        super().__init__(options)
        body = chat(b"x" * ((1 << 20) - 150))
        self.half = head(len(body), options.key) + body[:len(body) // 2]

    def begin(self, connection):
        return self.half

    def again(self, connection):
        return b"x"

    def received(self, connection, data):
        self.counts[f"status {data[9:12].decode(errors='replace')}"] += 1
        return None


class Readers(Attack):
    """Streams that nobody reads, over HTTP/1.1, with the smallest receive buffer; they come slowly, as bodies do."""

    name, wanted, opened_a_second, listener, reads, receive_buffer = "readers", 400, 50, "clear", False, 2304

    def begin(self, connection):
        return request(chat(b"hi", stream="true", max_tokens=100_000), self.options.key)


class HalfBodies(Attack):
    """100 bodies of which half is sent, until memory is full; then the rest. Each must get an answer or an end."""

    name, wanted, listener, renews, interval = "half-bodies", HALF_BODIES, "clear", False, 0.1

    def __init__(self, options):
        super().__init__(options)
        body = chat(b"x" * (HALF_BODY - 150), max_tokens=1)
        middle = len(body) // 2
        self.half, self.rest = head(len(body), options.key) + body[:middle], body[middle:]
        self.rest_from = time.monotonic() + options.seconds / 2
        self.finished = 0

    def begin(self, connection):
        connection.state = {"asked": False, "received": b""}
        return self.half

    def again(self, connection):
        if connection.state["asked"] or time.monotonic() < self.rest_from:
            return b""
        connection.state["asked"] = True
        return self.rest

    def received(self, connection, data):
        connection.state["received"] += data
        answer = answer_in(connection.state["received"])
        if answer is None:
            return b""
        self.finished += 1
        self.counts[f"status {answer[0]}"] += 1
        return None

    def ended(self, connection):
        self.finished += 1
        self.counts["closed without an answer"] += 1

    def is_over(self, connections):
        return self.finished >= HALF_BODIES


KINDS = {kind.name: kind for kind in (
    ConnectionsHeld, ConnectionsClosed, Hellos, Handshakes, Requests, RequestsHTTP2, Unauthorized, UnauthorizedHTTP2,
    Resets, Bodies, Readers, HalfBodies)}
