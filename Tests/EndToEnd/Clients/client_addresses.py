#!/usr/bin/env python3
"""Sends requests of clients at many addresses, directly and as their proxies would send them, and reports for each
what came back and which counters it has moved.

Reads a list of requests from a JSON file and sends one after the other, each on a connection of its own. Prints one
JSON object for each: its name, the status (null if the server closed the connection without an answer, "open" if it
neither answered nor closed), and the samples of the metrics that have grown (`grown`).

A request may have another client beside it (`other`). Then its client holds a stream that does not end, and sends a
second request; and the other client sends one. The statuses of both (`second`, `beside`) are reported, and the samples
that have grown meanwhile (`grown_beside`).
"""

import argparse
import json
import time
import urllib.request

from cli import report, target
from http1 import HTTP1
from http2 import Connection

SECONDS = 30
PATH = "/v1/chat/completions"


def chat(**more):
    return json.dumps({"model": "demo", "messages": [{"role": "user", "content": "Hello"}], **more}).encode()


SHORT = chat(max_tokens=1)
# One event, and then silence until the client leaves.
ENDLESS = chat(max_tokens=2, stream=True, simulator={"fault": "stall_after:1"})


def status_over_http1(options, fields):
    client = HTTP1(options)
    client.request(PATH, SHORT, fields)
    answer = client.to_end(SECONDS)
    return "open" if answer["ending"] == "open" else answer["status"]


def status_over_http2(options, fields):
    wire = Connection(options)
    stream = wire.streams[wire.post(PATH, SHORT, fields)]
    wire.wait(lambda: stream.is_over, SECONDS)
    is_open = not stream.is_over and wire.closed is None
    wire.close()
    return "open" if is_open else stream.status


def stream_over_http1(options, fields):
    """A connection with a stream that has begun and does not end."""
    client = HTTP1(options)
    client.request(PATH, ENDLESS, fields)
    deadline = time.monotonic() + SECONDS
    while b"data: " not in client.raw and time.monotonic() < deadline and client.read(1):
        pass
    return client


def stream_over_http2(options, fields):
    """A connection with a stream that has begun and does not end."""
    wire = Connection(options)
    stream = wire.streams[wire.post(PATH, ENDLESS, fields)]
    wire.wait(lambda: stream.events > 0, SECONDS)
    return wire


def send(asked, ca, over_http1, over_http2, name=""):
    """Sends a request by one of the functions; `name` is added to its id."""
    options = target(
        asked["port"], ca if asked["secure"] else None, source=asked["peer"], before=bytes.fromhex(asked["before"])
    )
    fields = [(field, value + name if field == "x-request-id" else value) for field, value in asked["fields"]]
    return (over_http2 if asked["speaking"] == "h2" else over_http1)(options, fields)


def status(asked, ca, name=""):
    """The status of the answer, as it is reported."""
    try:
        return send(asked, ca, status_over_http1, status_over_http2, name)
    except OSError:
        # A server that refuses the client or its PROXY header closes the connection while the client still writes, or
        # in the TLS handshake.
        return None


def samples(port, families):
    """The samples of these families of metrics, by name and labels; the server has one worker, which always answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=SECONDS) as page:
        lines = [line.rpartition(" ") for line in page.read().decode().splitlines()]
    return {sample: float(value) for sample, _, value in lines if sample.startswith(families)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--admin", type=int, required=True, help="the port of the admin listener")
    parser.add_argument("--ca", required=True, help="the authority to trust")
    parser.add_argument("--families", required=True, help="the metrics to report, with commas between them")
    parser.add_argument("requests", help="a file with a JSON array: name, port, secure, speaking, peer, before, fields")
    options = parser.parse_args()
    families = tuple(options.families.split(","))
    with open(options.requests, encoding="utf-8") as file:
        requests = json.load(file)
    before = samples(options.admin, families)

    def grown():
        nonlocal before
        after = samples(options.admin, families)
        more = {sample: value - before.get(sample, 0) for sample, value in after.items()}
        before = after
        return {sample: count for sample, count in more.items() if count}

    for asked in requests:
        seen = {"status": status(asked, options.ca), "grown": grown()}
        if other := asked.get("other"):
            held = send(asked, options.ca, stream_over_http1, stream_over_http2, "-held")
            seen["second"] = status(asked, options.ca, "-second")
            seen["beside"] = status(other, options.ca, "-beside")
            held.close()
            seen["grown_beside"] = grown()
        report(name=asked["name"], **seen)


if __name__ == "__main__":
    main()
