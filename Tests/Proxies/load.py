"""Requests of many visitors, each answer checked to be whole: streams and short ones, over HTTP/1.1 and HTTP/2."""

import http.client
import json
import threading
from dataclasses import dataclass, field

from cli import target, trust
from http1 import tokens
from http2 import Connection

STREAM_TOKENS = 20
# After this many requests on one connection, the client opens a new connection.
REQUESTS_A_CONNECTION = 50
# Requests at once on one HTTP/2 connection.
AT_ONCE = 10
PATIENCE_SECONDS = 60
# A false address that clients put into fields that only a proxy may set. The edge must never believe it.
FORGED = "203.0.113.66"
FORGERIES = [
    ("x-forwarded-for", FORGED),
    ("forwarded", f"for={FORGED}"),
    ("x-real-ip", FORGED),
    ("cf-connecting-ip", FORGED),
    ("cf-ray", "f0f0f0f0f0f0f0f0-AMS"),
    ("cf-ipcountry", "XX"),
]


@dataclass
class Asked:
    """A request: who asked it, and what the log line must have beside the client."""

    identifier: str
    visitor: str
    is_stream: bool
    expected: dict = field(default_factory=dict)

    @property
    def body(self):
        more = {"stream": True, "max_tokens": STREAM_TOKENS} if self.is_stream else {"max_tokens": 3}
        messages = [{"role": "user", "content": self.identifier}]
        return json.dumps({"model": "demo", "messages": messages, **more}).encode()

    def fault(self, status, body):
        """What is wrong with the answer; None if it is whole."""
        if status != 200:
            return f"{self.identifier}: {status} {body[:200]!r}"
        if self.is_stream:
            whole = tokens(body) == STREAM_TOKENS and body.endswith(b"data: [DONE]\n\n")
        else:
            try:
                whole = json.loads(body)["usage"]["completion_tokens"] == 3
            except (ValueError, KeyError, TypeError):
                whole = False
        return None if whole else f"{self.identifier}: not whole: {body[-200:]!r}"


class Load:
    """What was asked through one proxy, and what was wrong with the answers."""

    def __init__(self, name):
        self.name, self.asked, self.faults, self.lock = name, [], [], threading.Lock()

    def note(self, asked, status, body):
        fault = asked.fault(status, body)
        with self.lock:
            self.asked.append(asked)
            if fault:
                self.faults.append(fault)

    def broke(self, asked, error):
        with self.lock:
            self.asked += asked
            self.faults += [f"{one.identifier}: {error!r}" for one in asked]

    def run(self, parts):
        """Runs functions, each in a thread, until all have ended."""
        threads = [threading.Thread(target=part) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def batches(items, size):
    return [items[at : at + size] for at in range(0, len(items), size)]


def over_http1(load, requests, port, authority, source, fields):
    """Sends requests one after the other from the address `source`; `fields(asked)` are the header fields of one."""
    host = "::1" if ":" in source else "127.0.0.1"
    for part in batches(requests, REQUESTS_A_CONNECTION):
        if authority:
            context = trust(authority, "http/1.1")
            connection = http.client.HTTPSConnection(
                host, port, timeout=PATIENCE_SECONDS, source_address=(source, 0), context=context)
        else:
            connection = http.client.HTTPConnection(
                host, port, timeout=PATIENCE_SECONDS, source_address=(source, 0))
        for asked in part:
            try:
                head = {"content-type": "application/json", **dict(fields(asked))}
                connection.request("POST", "/v1/chat/completions", asked.body, head)
                answer = connection.getresponse()
                load.note(asked, answer.status, answer.read())
            except (OSError, http.client.HTTPException) as error:
                load.broke([asked], error)
                connection.close()
        connection.close()


def over_http2(load, requests, port, authority, source, fields, pair=None):
    """The same with several requests at once; `pair` is the client's certificate and key."""
    host = "::1" if ":" in source else "127.0.0.1"
    for part in batches(requests, REQUESTS_A_CONNECTION):
        try:
            connection = Connection(target(port, authority, host, source=source, pair=pair))
        except OSError as error:
            load.broke(part, error)
            continue
        for group in batches(part, AT_ONCE):
            streams = [(asked, connection.streams[connection.post("/v1/chat/completions", asked.body, fields(asked))])
                       for asked in group]
            connection.wait(lambda: all(stream.is_over for _, stream in streams), PATIENCE_SECONDS)
            for asked, stream in streams:
                if stream.ended and stream.reset is None:
                    load.note(asked, stream.status, stream.body)
                else:
                    load.broke([asked], f"{stream}; connection {connection.closed}, GOAWAY {connection.goaway}")
        connection.close()


def visit(name, count, visitors, port, authority, expected):
    """Each visitor sends its share of `count` requests through the proxy at `port`, every third with forged fields.

    The visitors take turns in the protocol, and every fifth request is a stream. `expected` is what every log line
    must have beside the client.
    """
    load = Load(name)

    def fields(asked):
        own = [("x-request-id", asked.identifier)]
        number = int(asked.identifier.rpartition("-")[2])
        return own + FORGERIES if number % 3 == 0 else own

    parts = []
    for index, visitor in enumerate(visitors):
        numbers = range(index, count, len(visitors))
        requests = [Asked(f"{name}-{number}", visitor, number % 5 == 0, expected) for number in numbers]
        send = (over_http1, over_http2)[index % 2]
        parts.append(lambda send=send, requests=requests, visitor=visitor: send(
            load, requests, port, authority, visitor, fields))
    load.run(parts)
    return load
