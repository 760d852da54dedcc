"""An HTTP/1.1 and HTTP/1.0 client that sees every byte and every kind of end, and helpers to describe a response."""

import hashlib
import re
import socket
import ssl
import struct
import time

from cli import CONNECT_SECONDS, trust

CLEAN, RESET = "clean", "reset"


# Every event of the simulated executor that carries a token contains this member.
TOKEN = b'"emitted_ns":'


def tokens(body):
    """The number of tokens in the complete events of the body."""
    return body.rpartition(b"\n\n")[0].count(TOKEN)


def normal(body):
    """The body with the parts replaced that differ between responses: ids and times."""
    body = re.sub(rb'"emitted_ns":\d+', b'"emitted_ns":0', body)
    body = re.sub(rb'"id":"(chatcmpl-|cmpl-|resp_|msg_|msg-)[0-9a-z_]+"', rb'"id":"\1"', body)
    return re.sub(rb'"item_id":"[^"]*"', b'"item_id":""', body)


def described(status, fields, body, ending, **more):
    body = normal(body)
    text = body.decode(errors="replace")
    return dict(
        status=status,
        fields=dict(fields),
        length=len(body),
        digest=hashlib.sha256(body).hexdigest(),
        body=text if len(text) < 1 << 19 else text[: 1 << 12],
        ending=ending,
        **more,
    )


class HTTP1:
    """One request on its own connection; `source` and `before` in `options` are as in `cli.target`."""

    def __init__(self, options, version="1.1", receive_buffer=None):
        self.options, self.version = options, version
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if source := getattr(options, "source", None):
            self.socket.bind((source, 0))
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(CONNECT_SECONDS)
        self.socket.connect((options.host, options.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(getattr(options, "before", b""))
        if options.ca:
            context = trust(options.ca, "http/1.1")
            # With this option off, OpenSSL reports an error if the connection ends without close_notify.
            context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost", suppress_ragged_eofs=False)
        self.raw, self.reads = bytearray(), []
        self.ending = None
        self.length = None

    def request(self, path, body, headers=(), method="POST"):
        lines = [f"{method} {path} HTTP/{self.version}", f"host: localhost:{self.options.port}"]
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def read(self, seconds):
        """Reads once; False if no more bytes can come."""
        self.socket.settimeout(max(0.001, seconds))
        try:
            data = self.socket.recv(1 << 18)
        except (TimeoutError, ssl.SSLWantReadError):
            return True
        except ConnectionResetError:
            self.ending = RESET
            return False
        except ssl.SSLError:
            self.ending = "unannounced"
            return False
        if not data:
            self.ending = "closed"
            return False
        self.raw += data
        self.reads.append(data)
        return True

    def parse(self):
        """Returns (status, fields, body so far, whether the framing shows that the body is complete)."""
        rest = bytes(self.raw)
        while True:
            head, found, rest = rest.partition(b"\r\n\r\n")
            if not found:
                return None, {}, b"", False
            lines = head.decode().split("\r\n")
            status = int(lines[0].split()[1])
            if status >= 200:
                break
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        if fields.get("transfer-encoding") != "chunked":
            length = fields.get("content-length")
            return status, fields, rest, length is not None and len(rest) >= int(length)
        body, place = bytearray(), 0
        while True:
            end = rest.find(b"\r\n", place)
            if end < 0:
                return status, fields, bytes(body), False
            size = int(rest[place:end], 16)
            if size == 0:
                return status, fields, bytes(body), rest.startswith(b"\r\n", end + 2)
            body += rest[end + 2 : end + 2 + size]
            place = end + 2 + size + 2
            if len(rest) < place:
                return status, fields, bytes(body), False

    def may_be_whole(self):
        """Whether a parse is worth its time; repeated parsing of a large body would cost more than reading it."""
        if len(self.raw) < 1 << 16 or self.raw.endswith(b"0\r\n\r\n"):
            return True
        if self.length is None:
            length = self.parse()[1].get("content-length")
            self.length = int(length) if length else 0
        return 0 < self.length <= len(self.raw)

    def to_end(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.may_be_whole() and self.parse()[3]:
                break
            if not self.read(deadline - time.monotonic()):
                break
        status, fields, body, whole = self.parse()
        untilClose = status and "content-length" not in fields and "transfer-encoding" not in fields
        ending = CLEAN if whole else self.ending or "open"
        if untilClose and self.ending == "closed":
            ending = CLEAN
        last = next((read for read in reversed(self.reads) if b"[DONE]" in read), b"")
        self.close()
        return described(
            status, fields, body, ending,
            done_read=last[last.find(b"[DONE]") :].decode(errors="replace") if last else "",
        )  # fmt: skip

    def close(self, abort=False):
        if abort:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
