#!/usr/bin/env python3
"""Clients that read slowly, or not at all, beside clients that read.

The scenario and the test synchronise by files. The scenario prints a JSON line for each step that it reaches, and
continues once the test has created the file of that step in --steps.
"""

import json
import os
import random
import select
import time

import cli
from cli import expect, report
from http1 import HTTP1, described, tokens
from http2 import Connection
from hyperframe.frame import WindowUpdateFrame

BIG = 1 << 30


def reached(options, name, wires=(), **members):
    """Reports a step and waits for the test; meanwhile serves the connections in `wires`."""
    report(reached=name, **members)
    deadline = time.monotonic() + options.seconds
    while not os.path.exists(os.path.join(options.steps, name)):
        expect(time.monotonic() < deadline, f"was never told to go on after {name}")
        for wire in wires:
            wire.pump(0)
        time.sleep(0.005)


def give(wire, identifier, bytes_):
    wire.send(WindowUpdateFrame(identifier, window_increment=bytes_).serialize())


def beside(options):
    """One stream that is not read (--slow is its body) beside others that are read (--other).

    With HTTP/2 they share a connection; with HTTP/1.1 each has its own. At the end the slow stream is read
    completely.
    """
    slow_body, other_body = options.slow.encode(), options.other.encode()
    path = "/v1/chat/completions"
    if options.speaking == "h2":
        wire = Connection(options, window=options.window)
        wire.give_back = False
        give(wire, 0, BIG)
        slow_id = wire.post(path, slow_body, [("x-request-id", "slow")])
        slow = wire.streams[slow_id]
        reached(options, "paused", [wire], bytes=len(slow.body))
        expect(slow.reset is None, "the slow stream was reset")
        others = []
        for number in range(options.siblings):
            identifier = wire.post(path, other_body, [("x-request-id", f"other-{number}")])
            give(wire, identifier, BIG)
            others.append(wire.streams[identifier])
        good = wire.wait(lambda: all(stream.ended for stream in others), options.seconds)
        seen = [tokens(stream.body) for stream in others]
        expect(good, f"siblings did not end: {seen}")
        reached(options, "passed", [wire], tokens=seen, bytes=len(slow.body))
        if options.leave_paused:
            wire.wait(lambda: slow.reset is not None, options.seconds)
            report(reset=slow.reset, ended=slow.ended, closed=wire.closed)
            return
        give(wire, slow_id, BIG)
        wire.wait(lambda: slow.is_over, options.seconds)
        report(**described(slow.status, [], slow.body, "clean" if slow.ended else f"reset:{slow.reset}"))
        wire.close()
        return
    slow = HTTP1(options, receive_buffer=4096)
    slow.request(path, slow_body, [("x-request-id", "slow")])
    reached(options, "paused", bytes=0)
    seen = []
    for number in range(options.siblings):
        other = HTTP1(options)
        other.request(path, other_body, [("x-request-id", f"other-{number}")])
        answer = other.to_end(options.seconds)
        expect(answer["ending"] == "clean", f"a sibling did not end: {answer['ending']}")
        seen.append(answer["body"].count('"emitted_ns":'))
    reached(options, "passed", tokens=seen, bytes=0)
    report(**slow.to_end(options.seconds))


def crowd(options):
    """Many clients that stop reading (--connections, --streams on each), and one that continues to read."""
    slow_body, other_body = options.slow.encode(), options.other.encode()
    path = "/v1/chat/completions"
    wires = []
    for _ in range(options.connections):
        if options.speaking == "h2":
            buffer = 4096 if options.stop == "socket" else None
            window = options.window if options.stop == "window" else 1 << 20
            wire = Connection(options, window=window, receive_buffer=buffer)
            wire.give_back = False
            # The client waits for the server's SETTINGS and so acknowledges them; otherwise the server would end the
            # connection.
            wire.wait(lambda: "Settings" in wire.frames, 30)
            for _ in range(options.streams):
                wire.post(path, slow_body)
        else:
            wire = HTTP1(options, receive_buffer=4096)
            wire.request(path, slow_body)
        wires.append(wire)
    pumped = wires if options.speaking == "h2" and options.stop == "window" else []
    reached(options, "crowded", pumped)
    if options.speaking == "h2":
        other = Connection(options)
        stream = other.streams[other.post(path, other_body)]
        expect(other.wait(lambda: stream.ended, options.seconds), f"the other did not end: {stream}")
        body = stream.body.decode()
        other.close()
    else:
        other = HTTP1(options)
        other.request(path, other_body)
        body = other.to_end(options.seconds)["body"]
    report(other=body)
    reached(options, "passed", pumped)
    if options.speaking == "h2" and options.stop == "window":
        held = sum(wire.closed is None for wire in wires)
    else:
        held = sum(not gone(wire.socket) for wire in wires)
    report(held=held)
    for wire in wires:
        wire.close(abort=True)


def gone(socket_):
    """Whether the server has closed the connection, without reading from it."""
    poller = select.poll()
    poller.register(socket_, select.POLLRDHUP)
    return bool(poller.poll(0))


def mixed(options):
    """Makes --count exchanges on a few connections: complete ones, abandoned ones, and ones that the executor breaks.
    """
    path = "/v1/chat/completions"
    chance = random.Random(options.seed)
    kinds = ["whole", "left", "broken", "refused", "document", "late"]
    bodies = {
        "whole": {"stream": True, "max_tokens": 5, "simulator": {"pace": 1000, "prefill_ms": 1}},
        "left": {"stream": True, "max_tokens": 1000, "simulator": {"pace": 100, "prefill_ms": 1}},
        "broken": {"stream": True, "max_tokens": 9, "simulator": {"pace": 1000, "prefill_ms": 1, "fault": "cut_inside:3"}},
        "refused": {"stream": True, "simulator": {"fault": "status:503"}},
        "document": {"stream": False, "max_tokens": 5, "simulator": {"pace": 0, "prefill_ms": 1}},
        "late": {"stream": True, "max_tokens": 5, "simulator": {"prefill_ms": 60000}},
    }
    message = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
    done, unexpected = 0, []
    while done < options.count:
        if options.speaking == "h2":
            done += mixed_http2(options, chance, kinds, bodies, message, path, unexpected)
        else:
            kind = chance.choice(kinds)
            body = json.dumps(message | bodies[kind]).encode()
            client = HTTP1(options)
            client.request(path, body)
            if kind in ("left", "late"):
                if kind == "left":
                    while tokens(client.parse()[2]) < 1 and client.read(5):
                        pass
                client.close(abort=chance.random() < 0.5)
            else:
                judge(kind, client.to_end(60), unexpected)
            done += 1
    report(done=done, unexpected=unexpected[:5])


def mixed_http2(options, chance, kinds, bodies, message, path, unexpected):
    wire = Connection(options)
    batch = [chance.choice(kinds) for _ in range(50)]
    streams = []
    for kind in batch:
        body = json.dumps(message | bodies[kind]).encode()
        identifier = wire.post(path, body)
        streams.append((kind, identifier, wire.streams[identifier]))
    stays = [entry for entry in streams if entry[0] not in ("left", "late")]
    leaves = [entry for entry in streams if entry[0] == "left"]
    wire.wait(lambda: all(tokens(stream.body) > 0 for _, _, stream in leaves), 60)
    by_connection = chance.random() < 0.5
    if not by_connection:
        for kind, identifier, stream in streams:
            if kind in ("left", "late"):
                wire.reset(identifier)
    wire.wait(lambda: all(stream.is_over for _, _, stream in stays), 60)
    for kind, _, stream in stays:
        ending = "clean" if stream.ended else f"reset:{stream.reset}"
        judge(kind, {"status": stream.status, "ending": ending}, unexpected)
    wire.close(abort=by_connection)
    return len(batch)


def judge(kind, answer, unexpected):
    clean = answer["ending"] == "clean"
    status = {"refused": 503}.get(kind, 200)
    if answer["status"] != status or clean != (kind != "broken"):
        unexpected.append([kind, answer["status"], answer["ending"]])


def main():
    parser = cli.parser(__doc__)
    parser.add_argument("--speaking", choices=("h2", "1.1"), default="h2")
    parser.add_argument("--slow", default="", help="the body of those that are not read")
    parser.add_argument("--other", default="", help="the body of those that are")
    parser.add_argument("--siblings", type=int, default=3)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--window", type=int, default=16)
    parser.add_argument("--stop", choices=("window", "socket"), default="window")
    parser.add_argument("--leave-paused", action="store_true", help="the slow stream is never read")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", help="a folder with a file for each step that may be taken")
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("scenario", choices=("beside", "crowd", "mixed"))
    options = cli.parse(parser)
    {"beside": beside, "crowd": crowd, "mixed": mixed}[options.scenario](options)


if __name__ == "__main__":
    main()
