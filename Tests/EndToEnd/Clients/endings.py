#!/usr/bin/env python3
"""Makes many exchanges that end in every way: complete, left by the client, broken off or refused by the executor.

Several threads make exchanges over HTTP/2 (TLS, several streams per connection) and HTTP/1.1, chosen by a seed.
Prints one JSON object for each exchange: its id, its plan, and how many tokens its client received.
"""

import argparse
import json
import random
import threading

import cli
from cli import expect, report
from http1 import HTTP1, TOKEN, tokens
from http2 import Connection

KINDS = ("whole", "whole", "whole", "document", "left", "left", "broken", "refused", "failed", "unknown")
lock = threading.Lock()


def plan(number, chance):
    kind = chance.choice(KINDS)
    count = chance.randint(1, 15)
    simulator = {"prefill_ms": chance.choice((0, 2, 10)), "pace": chance.choice((300, 1000))}
    planned = {"id": f"ending-{number}", "kind": kind, "tokens": count, "after": 0}
    if kind == "left":
        count = planned["tokens"] = 400
        planned["after"] = chance.randint(0, 6)
    elif kind == "broken":
        count = planned["tokens"] = count + 1
        planned["after"] = chance.randint(1, count - 1)
        simulator["fault"] = f"die_after:{planned['after']}"
    elif kind == "refused":
        simulator["fault"] = "status:400"
    elif kind == "failed":
        simulator["fault"] = chance.choice(("status:503", "die_after:0"))
    body = {
        "model": "nobody's" if kind == "unknown" else "demo",
        "stream": kind != "document",
        "max_tokens": count,
        "messages": [{"role": "user", "content": "Tell me of endings."}],
        "simulator": simulator,
    }
    return planned, json.dumps(body).encode()


def told(planned, seen, speaking):
    with lock:
        report(**planned, seen=seen, speaking=speaking)


def over_http1(options, planned, body):
    client = HTTP1(options.clear)
    client.request("/v1/chat/completions", body, [("x-request-id", planned["id"])])
    if planned["kind"] == "left":
        while tokens(client.parse()[2]) < planned["after"]:
            expect(client.read(5), "the server left first")
        seen = tokens(client.parse()[2])
        client.close(abort=True)
    else:
        seen = client.to_end(60)["body"].encode().count(TOKEN)
    told(planned, seen, "1.1")


def over_http2(options, batch):
    wire = Connection(options.secure)
    wire.wait(lambda: "Settings" in wire.frames, 30)
    opened = []
    for planned, body in batch:
        identifier = wire.post("/v1/chat/completions", body, [("x-request-id", planned["id"])])
        opened.append((planned, identifier, wire.streams[identifier]))
    waiting = list(opened)

    def step():
        for entry in list(waiting):
            planned, identifier, stream = entry
            if stream.is_over:
                waiting.remove(entry)
                told(planned, tokens(stream.body), "h2")
            elif planned["kind"] == "left" and tokens(stream.body) >= planned["after"]:
                waiting.remove(entry)
                seen = tokens(stream.body)
                wire.reset(identifier)
                told(planned, seen, "h2")
        return not waiting

    expect(wire.wait(step, 90), f"not ended: {waiting}, {wire.closed}, {wire.goaway}")
    wire.close()


def work(options, plans):
    while True:
        with lock:
            batch = [plans.pop() for _ in range(min(len(plans), 8))]
        if not batch:
            return
        if options.chance.random() < 0.5:
            over_http2(options, batch)
        else:
            for planned, body in batch:
                over_http1(options, planned, body)


def main():
    parser = cli.parser(__doc__)
    parser.add_argument("--clear", type=int, required=True, help="the port in clear; --port is that of TLS")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = cli.parse(parser)
    expect(1 <= given.count <= 10_000, "a bounded number")
    options = argparse.Namespace(chance=random.Random(given.seed))
    options.secure, options.clear = given, cli.target(given.clear)
    plans = [plan(number, options.chance) for number in range(given.count)]
    threads = [threading.Thread(target=work, args=(options, plans)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
