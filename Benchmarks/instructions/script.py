"""Both peers of the server under test, in one thread: a client over TLS and HTTP/2, and an executor over HTTP/1.1.

Each step waits for its effect before the next one begins. So the server gets the same bytes in the same reads on any
machine, and spends the same instructions.
"""

import contextlib
import re
import socket
import ssl
import time

from tools.client import HTTP2Connection
from tools.processes import Failed
from frames import SETTINGS, WINDOW_UPDATE, frame, number

PATIENCE = 60
# The pause in seconds between two steps. It is long enough for the server to go to sleep, so that each step wakes the
# server up once.
PAUSE = 0.002

INITIAL_WINDOW = 4
WINDOW_MAX = 2**31 - 1

MESSAGES = b'"messages":[{"role":"user","content":"What is the capital of France?"}]'
REQUEST = b'{"model":"demo","max_tokens":16,' + MESSAGES + b"}"
STREAM_REQUEST = b'{"model":"demo","max_tokens":100000,"stream":true,' + MESSAGES + b"}"

ANSWER = (
    b'{"id":"chatcmpl-0123456789ab","object":"chat.completion","created":1790000000,"model":"demo","choices":[{'
    b'"index":0,"message":{"role":"assistant","content":"The capital of France is Paris, which lies on the Seine.",'
    b'"refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":14,'
    b'"total_tokens":26}}'
)
CHUNK = (
    b'data: {"id":"chatcmpl-0123456789ab","object":"chat.completion.chunk","created":1790000000,"model":"demo",'
    b'"choices":[{"index":0,"delta":{"content":" river"},"logprobs":null,"finish_reason":null}]}\n\n'
)
FINISH = CHUNK.replace(b'{"content":" river"}', b"{}").replace(b'"finish_reason":null', b'"finish_reason":"stop"')
DONE = b"data: [DONE]\n\n"


class Wire:
    """A TLS connection that sends only on request, so that the last handshake flight is sent together with later
    bytes.
    """

    def __init__(self, port, context):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        # The server accepts the connection before bytes arrive. So it always accepts and reads in two separate turns
        # of its event loop, and the instruction counts do not vary.
        time.sleep(5 * PAUSE)
        self.until_done(self.tls.do_handshake)
        if self.tls.version() != "TLSv1.3" or self.tls.selected_alpn_protocol() != "h2":
            raise Failed(f"bench: negotiated {self.tls.version()} {self.tls.selected_alpn_protocol()}")

    def until_done(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.flush()
                received = self.socket.recv(65536)
                self.incoming.write(received) if received else self.incoming.write_eof()

    def flush(self):
        if self.outgoing.pending:
            self.socket.sendall(self.outgoing.read())

    def sendall(self, data):
        self.tls.write(data)
        self.flush()

    def recv(self, size):
        return self.until_done(lambda: self.tls.read(size))

    def end(self):
        """Sends close_notify and reads until the server's end."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()
        while self.socket.recv(65536):
            pass
        self.socket.close()


class Executor:
    """Accepts one connection, and responds when the script tells it to."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.connection = None

    @property
    def port(self):
        return self.listener.getsockname()[1]

    def receive(self):
        if self.connection is None:
            self.connection, _ = self.listener.accept()
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connection.settimeout(PATIENCE)
        received = b""
        while True:
            head, end, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
            if end and length and len(body) >= int(length.group(1)):
                return
            more = self.connection.recv(65536)
            if not more:
                raise Failed("bench: the server closed its connection to the executor")
            received += more

    def send(self, data):
        self.connection.sendall(data)

    def answer(self):
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nserver: script\r\n\r\n"
        self.send(head % len(ANSWER) + ANSWER)

    def begin_stream(self):
        self.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
                  b"transfer-encoding: chunked\r\nserver: script\r\n\r\n")

    def send_chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def close(self):
        if self.connection:
            self.connection.close()
        self.listener.close()


class Script:
    """Makes a given number of requests, tokens and handshakes."""

    def __init__(self, port, certificate, executor):
        self.port, self.executor = port, executor
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.load_verify_locations(certificate)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.set_alpn_protocols(["h2"])

    def run(self, requests, tokens, handshakes):
        wire, connection = self.connect()
        connection.tls.sendall(
            frame(SETTINGS, 0, 0, INITIAL_WINDOW.to_bytes(2, "big") + number(WINDOW_MAX))
            + frame(WINDOW_UPDATE, 0, 0, number(WINDOW_MAX - 65535))
        )
        for _ in range(requests):
            self.request(connection)
        self.stream(connection, tokens)
        for _ in range(handshakes):
            self.connect()[0].end()
            time.sleep(PAUSE)
        wire.end()

    def connect(self):
        wire = Wire(self.port, self.context)
        connection = HTTP2Connection(wire)
        connection.open()
        time.sleep(PAUSE)
        return wire, connection

    def request(self, connection):
        stream = connection.send_request("/v1/chat/completions", REQUEST)
        self.executor.receive()
        time.sleep(PAUSE)
        self.executor.answer()
        if (seen := connection.answer(stream)) != ANSWER:
            raise Failed(f"bench: the answer came as {seen!r}")
        time.sleep(PAUSE)

    def stream(self, connection, tokens):
        stream = connection.send_request("/v1/chat/completions", STREAM_REQUEST)
        self.executor.receive()
        time.sleep(PAUSE)
        self.executor.begin_stream()
        for _ in range(tokens):
            self.executor.send_chunk(CHUNK)
            if (seen := connection.answer(stream, len(CHUNK))) != CHUNK:
                raise Failed(f"bench: a token came as {seen!r}")
            time.sleep(PAUSE)
        self.executor.send_chunk(FINISH)
        self.executor.send_chunk(DONE)
        self.executor.send(b"0\r\n\r\n")
        if (seen := connection.answer(stream)) != FINISH + DONE:
            raise Failed(f"bench: the end of the stream came as {seen!r}")
