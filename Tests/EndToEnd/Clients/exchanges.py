#!/usr/bin/env python3
"""One exchange after another as a client sees it on the wire: every byte of its body, how it ended, and what came in
one read with what.

Speaks HTTP/2 through `h2_raw.Wire` and HTTP/1.1 or HTTP/1.0 through a plain socket, with TLS or in clear, and reports
all of them in the same words. Reads a list of requests (a file of JSON) and prints one JSON object for each.
"""

import argparse
import hashlib
import json
import re
import socket
import ssl
import struct
import sys
import time

from h2_raw import Wire, expect, is_served, report

CLEAN, CUT, RESET = "clean", "cut", "reset"


def normal(body):
    """A body without what differs from one answer to the next: ids and times."""
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
    """One request on a connection of its own."""

    def __init__(self, options, version="1.1", receive_buffer=None):
        self.options, self.version = options, version
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(30)
        self.socket.connect((options.host, options.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if options.ca:
            context = ssl.create_default_context(cafile=options.ca)
            context.set_alpn_protocols(["http/1.1"])
            # An end without close_notify is to be seen as what it is.
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
        """One read; False when there will be no other."""
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
        """(status, fields, body so far, whether the framing says that it is whole)"""
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
        """Parsing again and again what is large would cost more than reading it."""
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


class Recorder(Wire):
    """A connection that remembers the frames of a stream in their order."""

    def __init__(self, *arguments, **named):
        self.sequence = []
        super().__init__(*arguments, **named)

    def _on(self, frame):
        name = type(frame).__name__.removesuffix("Frame")
        entry = {"name": name, "stream": frame.stream_id, "flags": sorted(frame.flags)}
        if name == "Data":
            entry["done"] = bytes(frame.data).endswith(b"data: [DONE]\n\n")
        if name == "RstStream":
            entry["code"] = frame.error_code
        if frame.stream_id:
            self.sequence.append(entry)
        super()._on(frame)


def post_fields(wire, options, path, length, headers=()):
    more = [("content-type", "application/json"), ("content-length", str(length)), *headers]
    return wire.fields(options, "POST", path, more)


def over_http2(options, path, body, headers, seconds):
    wire = Recorder(options)
    identifier = wire.open(post_fields(wire, options, path, len(body), headers), body=body)
    stream = wire.streams[identifier]
    wire.wait(lambda: stream.ended or stream.reset is not None, seconds)
    ending = CLEAN if stream.ended else f"reset:{stream.reset}" if stream.reset is not None else wire.closed or "open"
    frames = [entry for entry in wire.sequence if entry["stream"] == identifier]
    # A broken stream takes nobody else with it.
    good = is_served(wire, options)
    wire.close()
    fields = [field for field in stream.fields if not field[0].startswith(":")]
    return described(
        stream.status, fields, stream.body, ending,
        last=frames[-2:], ends=[entry["name"] for entry in frames[-2:]], served_after=good,
    )  # fmt: skip


def exchange(options):
    with open(options.requests, encoding="utf-8") as file:
        requests = json.load(file)
    for one in requests:
        body = one["body"].encode() if isinstance(one["body"], str) else json.dumps(one["body"]).encode()
        headers = list(one.get("headers", {}).items())
        path, seconds = one.get("path", "/v1/chat/completions"), one.get("seconds", options.seconds)
        speaking = one.get("speaking", options.speaking)
        if speaking == "h2":
            report(**over_http2(options, path, body, headers, seconds))
        else:
            client = HTTP1(options, version=speaking)
            client.request(path, body, headers)
            report(**client.to_end(seconds))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", help="the authority to trust; without it the connection is in clear")
    parser.add_argument("--speaking", choices=("h2", "1.1", "1.0"), default="h2")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("requests", help="a file with a JSON array of {path, body, headers}")
    options = parser.parse_args()
    expect(options.host in ("127.0.0.1", "::1", "localhost"), "only this machine is ever a target")
    exchange(options)


if __name__ == "__main__":
    main()
