#!/usr/bin/env python3
"""Makes exchanges one after the other and reports each as the client received it: every byte of the body, how it
ended, and what arrived in the same read.

Speaks HTTP/2 (`http2.Connection`), HTTP/1.1 and HTTP/1.0 (`http1.HTTP1`), with TLS or in clear text, and reports all
in the same format. Reads a list of requests from a JSON file and prints one JSON object for each.
"""

import json

import cli
from cli import report
from http1 import CLEAN, HTTP1, described
from http2 import Connection, is_served


def over_http2(options, path, body, headers, seconds):
    wire = Connection(options)
    stream = wire.streams[wire.post(path, body, headers)]
    wire.wait(lambda: stream.is_over, seconds)
    ending = CLEAN if stream.ended else f"reset:{stream.reset}" if stream.reset is not None else wire.closed or "open"
    last = list(stream.last)
    # A broken stream must not affect the other streams of its connection.
    good = is_served(wire)
    wire.close()
    fields = [field for field in stream.fields if not field[0].startswith(":")]
    return described(
        stream.status, fields, stream.body, ending,
        last=last, ends=[entry["name"] for entry in last], served_after=good,
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
    parser = cli.parser(__doc__)
    parser.add_argument("--speaking", choices=("h2", "1.1", "1.0"), default="h2")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("requests", help="a file with a JSON array of {path, body, headers}")
    options = cli.parse(parser)
    exchange(options)


if __name__ == "__main__":
    main()
