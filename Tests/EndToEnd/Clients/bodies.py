#!/usr/bin/env python3
"""Sends random request bodies from a seed, and reads them with two parsers: Python's json, and one that reads as Go
does.

The script is both client and engine. The body that the engine gets must mean to both parsers what the client's body
meant to the edge. A body that the edge refuses must be invalid, or one that parsers could read differently. Prints
how many bodies had which outcome.
"""

import collections
import http.client
import http.server
import json
import random
import re
import threading

import cli
from cli import CONNECT_SECONDS, expect, report

# The model names of clients, and the name that the engine gets for each.
MODELS = {"a": "a", "K2": "kimi", "caf\u00e9": "coffee"}
NAMES = ["model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "prompt"]
OTHERS = ["messages", "temperature", "x", "models", "streams", "user", "mode", "\u00fcber", "m"]
INTEGERS = ("max_tokens", "max_completion_tokens", "n")
SPACES = ["", "", "", " ", "\n", "\t ", "\r\n"]


# MARK: Readers


class Refused(Exception):
    """The parser rejects the body."""


def refuse(constant):
    raise Refused(constant)


def python_reader(body):
    """Python's json: the last of equal keys counts."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(str(error)) from error
    if not isinstance(read, dict):
        raise Refused("no object")
    return read


def fold(name):
    """The key that Go's decoder reads: it ignores case by Unicode simple folding, which maps two non-ASCII letters to
    ASCII ones.
    """
    return "".join({"\u017f": "s", "\u212a": "k"}.get(letter, letter.lower() if letter.isascii() else letter)
                   for letter in name)


def go_reader(body):
    """Go's decoder: the last of the keys that fold to the same counts, null changes nothing, a value of a wrong type
    is an error.
    """
    try:
        pairs = json.loads(body, object_pairs_hook=lambda pairs: pairs, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Refused(str(error)) from error
    if not isinstance(pairs, list) or not body.lstrip()[:1] == b"{":
        raise Refused("no object")
    read = {}
    for name, value in pairs:
        name = fold(name)
        if name == "model" and value is not None:
            if not isinstance(value, str):
                raise Refused("model")
            read[name] = value
        elif name == "stream" and value is not None:
            if not isinstance(value, bool):
                raise Refused("stream")
            read[name] = value
    return read


def model_of(reader, body):
    """The model that the parser reads; None if it rejects the body."""
    try:
        return reader(body).get("model")
    except Refused:
        return None


# MARK: Bodies


def spelled(name, chance):
    """The raw text of a key, mostly in its usual spelling."""
    kind = chance.random()
    if kind < 0.8:
        return name
    if kind < 0.86:
        return "".join(f"\\u{ord(letter):04x}" if chance.random() < 0.4 else letter for letter in name)
    if kind < 0.91:
        return "".join(letter.upper() if chance.random() < 0.4 else letter for letter in name)
    if kind < 0.95:
        letter = chance.choice([("s", "\u017f"), ("k", "\u212a"), ("s", "\\u017f"), ("k", "\\u212A"), ("n", "N")])
        return name.replace(*letter)
    return name + chance.choice(["\\ud800", "\\udc00x", "\\u0000", " ", "\\n", "s", "\\\\", "\\ud83d\\ude00", "\u0301"])


def text(value):
    return json.dumps(value, ensure_ascii=False)


def value_of(name, chance):
    """The raw text of a value, mostly of the right type."""
    if chance.random() < 0.07:
        return chance.choice(["null", "1", "true", '"x"', "[]", "{}", "1.5", "-1e3", "NaN", "1e400", '"\\ud800"', "01"])
    if name == "model":
        return chance.choice([text(known) for known in MODELS] + [
            '"\\u0061"', '"\u212a2"', '"\\u212a2"', '"cafe\u0301"', '"K\\u0032"', '"A"', '"nobody"', '"a "', '""'])
    if name == "stream":
        return chance.choice(["true", "false", "null"])
    if name == "stream_options":
        inner = chance.choice(["include_usage", "include_usage", "include_obfuscation", "Include_usage"])
        usage = f'"{inner}":' + chance.choice(["true", "false", "null"])
        return chance.choice(["null", "{}", "{%s}" % usage, "{ %s , \"x\":{} }" % usage])
    if name in INTEGERS:
        return chance.choice(["1", "7", "null", "3.0", "100"])
    if name == "prompt":
        return chance.choice(['"x"', '["x","y"]', "[1,2]", "[[1],[2]]"])
    return chance.choice(['[{"role":"user","content":"x","model":"b"}]', "0.5", '"\\"model\\":\\"b\\""', "{}", "[[]]",
                          '{"model":"b","stream":true}', '"\\ud800"'])


def body_of(chance):
    names = [name for name in NAMES if chance.random() < (0.97 if name == "model" else 0.3)]
    names += chance.choices(OTHERS, k=chance.randint(0, 3))
    names += chance.choices(NAMES, k=1 if chance.random() < 0.15 else 0)
    chance.shuffle(names)

    def space():
        return chance.choice(SPACES)

    members = [f'{space()}"{spelled(name, chance)}"{space()}:{space()}{value_of(name, chance)}{space()}' for name in names]
    body = f"{space()}{{{','.join(members)}}}{space()}".encode()
    if chance.random() < 0.2:
        place = chance.randrange(len(body))
        body = body[:place] + chance.choice([b"", b"}", b"\"", b",", b"\xff", b"\x00", b"{}", b"\\"]) + body[place + 1:]
    return body


# MARK: What may be refused


def reasons(body, path):
    """The reasons for which the edge may refuse a body with 400; empty if it must not."""
    try:
        read = python_reader(body)
        pairs = json.loads(body, object_pairs_hook=lambda pairs: pairs, parse_constant=refuse)
    except (Refused, ValueError) as error:
        return [f"no JSON: {error}"]
    found = []
    wanted = [name for name in NAMES if name != "prompt" or path == "/v1/completions"]
    seen = set()
    for name, value in pairs:
        loose = fold(name.split("\0")[0])
        if loose in wanted:
            if loose != name or name in seen:
                found.append(f"{name} beside {loose}")
            seen.add(name)
        if name == "stream_options" and isinstance(value, list):
            inner = [fold(key.split("\0")[0]) for key, _ in value if isinstance(key, str)]
            if inner.count("include_usage") > 1 or any(
                    fold(key) == "include_usage" != key for key, _ in value if isinstance(key, str)):
                found.append("include_usage")
    options = read.get("stream_options")
    fits = (
        isinstance(read.get("model"), str) and read["model"] != ""
        and isinstance(read.get("stream", False), (bool, type(None)))
        and isinstance(options, (dict, type(None)))
        and (not options or isinstance(options.get("include_usage"), (bool, type(None))))
        and all(read.get(name) is None or is_integer(read[name]) for name in INTEGERS))
    if not fits:
        found.append("a type")
    # simdjson, the parser of the edge, rejects a lone surrogate, and a number that exceeds a double.
    if re.search(rb"\\ud[89a-f]|1e400", body):
        found.append("what only some readers take")
    return found


def is_integer(value):
    """Whether the value is a valid count; the edge may refuse any other value."""
    return not isinstance(value, bool) and isinstance(value, (int, float)) and 1 <= value < 1e15 and value == int(value)


def without(read):
    return {name: value for name, value in read.items() if name not in ("model", "stream_options")}


def check(path, body, status, got):
    """Checks the outcome of one body and returns its name."""
    shown = f"{path} {body!r} {status} {got!r}"
    if status in (400, 404):
        expect(not got, f"refused and asked all the same: {shown}")
        if status == 400:
            expect(reasons(body, path), f"refused without a reason: {shown}")
            return "refused"
        for reader in (python_reader, go_reader):
            expect(model_of(reader, body) not in MODELS, f"to {reader.__name__} there is such a model: {shown}")
        return "unknown"
    expect(status == 200 and len(got) == 1, f"neither refused nor asked: {shown}")
    try:
        client, engine = python_reader(body), python_reader(got[0])
    except Refused:
        # Python rejects a member that the edge did not read, so the edge passed the body on. An engine written in Go
        # must reject this body too.
        try:
            go_reader(got[0])
        except Refused:
            return "left to the engine"
        expect(False, f"only Go takes it: {shown}")
    expect(engine["model"] == MODELS.get(client["model"]), f"Python reads another model: {shown}")
    expect(without(engine) == without(client), f"Python reads other members: {shown}")
    if engine.get("stream"):
        expect(engine["stream_options"]["include_usage"] is True, f"usage is not asked for: {shown}")
    try:
        read = go_reader(got[0])
    except Refused:
        return "left to the engine"
    expect(read["model"] == engine["model"], f"Go reads another model: {shown}")
    expect(read.get("stream", False) == bool(engine.get("stream")), f"Go reads another stream: {shown}")
    return "asked"


# MARK: Client and engine


class Engine(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    got = []
    answer = b'{"choices":[{"index":0,"text":"x","message":{"content":"x"},"finish_reason":"stop"}]}'

    def do_POST(self):
        self.got.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_):
        pass


def main():
    parser = cli.parser(__doc__, ca=False)
    parser.add_argument("--engine", type=int, required=True, help="the port on which this script is the engine")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--count", type=int, default=3000)
    options = cli.parse(parser)
    engine = http.server.ThreadingHTTPServer(("127.0.0.1", options.engine), Engine)
    engine.daemon_threads = True
    threading.Thread(target=engine.serve_forever, daemon=True).start()
    chance = random.Random(options.seed)
    client = http.client.HTTPConnection(options.host, options.port, timeout=CONNECT_SECONDS)
    came = collections.Counter()
    for _ in range(options.count):
        path = chance.choice(["/v1/chat/completions", "/v1/completions"])
        body = body_of(chance)
        Engine.got.clear()
        client.request("POST", path, body)
        answer = client.getresponse()
        answer.read()
        came[check(path, body, answer.status, list(Engine.got))] += 1
    report(**{name.replace(" ", "_"): number for name, number in came.items()})


if __name__ == "__main__":
    main()
