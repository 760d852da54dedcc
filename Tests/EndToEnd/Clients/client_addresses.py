#!/usr/bin/env python3
"""Sends requests of clients at many addresses, directly and as their proxies would send them, and reports for each
what came back and which counters it has moved.

Reads a list of requests from a JSON file and sends one after the other, each on a connection of its own. Prints one
JSON object for each: its name, the status (null if the server closed the connection without an answer, "open" if it
neither answered nor closed), and the samples of the metrics that have grown.
"""

import argparse
import json
import urllib.request

from cli import report, target
from http1 import HTTP1
from http2 import Connection

SECONDS = 30
BODY = json.dumps({"model": "demo", "max_tokens": 1, "messages": [{"role": "user", "content": "Hello"}]}).encode()


def status_over_http1(options, fields):
    client = HTTP1(options)
    client.request("/v1/chat/completions", BODY, fields)
    answer = client.to_end(SECONDS)
    return "open" if answer["ending"] == "open" else answer["status"]


def status_over_http2(options, fields):
    wire = Connection(options)
    stream = wire.streams[wire.post("/v1/chat/completions", BODY, fields)]
    wire.wait(lambda: stream.is_over, SECONDS)
    is_open = not stream.is_over and wire.closed is None
    wire.close()
    return "open" if is_open else stream.status


def status(asked, ca):
    """The status of the answer, as it is reported."""
    options = target(
        asked["port"], ca if asked["secure"] else None, source=asked["peer"], before=bytes.fromhex(asked["before"])
    )
    send = status_over_http2 if asked["speaking"] == "h2" else status_over_http1
    try:
        return send(options, asked["fields"])
    except OSError:
        # A server that refuses the peer or its PROXY header closes while the client still writes or shakes hands.
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
    for asked in requests:
        seen = status(asked, options.ca)
        after = samples(options.admin, families)
        grown = {sample: value - before.get(sample, 0) for sample, value in after.items()}
        report(name=asked["name"], status=seen, grown={sample: count for sample, count in grown.items() if count})
        before = after


if __name__ == "__main__":
    main()
