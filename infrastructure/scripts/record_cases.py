"""The executors, the servers and the fixed set of exchanges that record-exchanges.py records.

Each exchange has its own model, so that a failure does not affect the choice of executors in later exchanges; `MODEL`
in a body stands for its name. The models differ in the `api_key` of their executor, which makes each executor its own
engine.
"""

import dataclasses
import gzip
import hashlib
import hmac
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "Tests" / "EndToEnd" / "Clients"))
from frames import PREFACE, frame, literal  # noqa: E402

JSON = "content-type: application/json"
CHAT = "/v1/chat/completions"
FRAMES = {
    0: "DATA", 1: "HEADERS", 2: "PRIORITY", 3: "RST_STREAM", 4: "SETTINGS", 5: "PUSH_PROMISE", 6: "PING", 7: "GOAWAY",
    8: "WINDOW_UPDATE", 9: "CONTINUATION",
}  # fmt: skip

# The simulated executors by name, with their further arguments of `freeinference executor`; `secure` speaks TLS.
EXECUTORS = {
    "good": [],
    "other": [],
    "secure": [],
    "always500": ["--fault", "status:500"],
    "always503": ["--fault", "status:503"],
    "always429": ["--fault", "status:429"],
    "dying": ["--fault", "die_after:0"],
    "failing": ["--fault", "error_event:0"],
}
LISTENERS = {
    "main": ["clear", "tls", "only1", "redirect", "trusted"],
    "keys": ["clear", "tls"],
    "small": ["clear", "tls"],
}


@dataclasses.dataclass
class Case:
    """One exchange, or several exchanges on one connection."""

    name: str
    # One of: curl, raw (HTTP/1.1 bytes), frames (HTTP/2 bytes), metrics, deep.
    how: str
    listener: str
    path: str = "/"
    # The protocol of curl: h2 (ALPN, or an upgrade in clear text), h2c (prior knowledge), curl1.
    mode: str = "h2"
    method: str = ""
    fields: list = dataclasses.field(default_factory=list)
    body: bytes | None = None
    raw: bytes = b""
    alpn: list | None = None
    # The number of log lines to wait for.
    lines: int = 1
    # The client of a raw exchange closes once it has received these bytes.
    leaves_after: bytes | None = None
    # The executor whose last request is recorded too.
    upstream: str = ""
    # The body of a second request that runs during the exchange.
    background: str = ""
    # The lines of the case's model in the configuration.
    model: str = ""


CASES = []
GOOD = "executors: [{url: 'http://GOOD', model: demo, api_key: KEY, health: {interval: 0s}}]"


def case(name, how, listener="main.clear", *, model=GOOD, **more):
    """Adds a case; replaces MODEL in its body, raw bytes, path and background by the name of its model."""
    identifier = f"m{len(CASES) + 1:03}"
    for key in ("body", "raw", "path", "background"):
        if isinstance(more.get(key), bytes):
            more[key] = more[key].replace(b"MODEL", identifier.encode())
        elif isinstance(more.get(key), str):
            more[key] = more[key].replace("MODEL", identifier)
    if isinstance(more.get("body"), str):
        more["body"] = more["body"].encode()
    text = f"  - id: {identifier}\n    " + model.replace("KEY", f"key-{identifier}").replace("\n", "\n    ") + "\n"
    CASES.append(Case(name, how, listener, model=text, **more))


def request(method, path, fields=(), body=b"", version="1.1", host="edge.example"):
    """The bytes of an HTTP/1.1 request after whose response the server closes the connection."""
    if isinstance(body, str):
        body = body.encode()
    lines = [f"{method} {path} HTTP/{version}"] + ([f"host: {host}"] if host else [])
    lines += ["connection: close", *fields]
    if body or method == "POST":
        # MODEL is replaced later by the name of the case's model, which is one byte shorter.
        lines.append(f"content-length: {len(body) - body.count(b'MODEL')}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def chat(stream=True, tokens=3, prompt="Hello", fault=None, **more):
    body = {"model": "MODEL", "stream": stream, "max_tokens": tokens, "messages": [{"role": "user", "content": prompt}]}
    return json.dumps(body | faulty(fault) | more, ensure_ascii=False)


def faulty(fault):
    return {"simulator": {"fault": fault}} if fault else {}


def dialects(stream, fault=None):
    """A body for each endpoint that generates."""
    more = {"model": "MODEL", "stream": stream} | faulty(fault)
    messages = [{"role": "user", "content": "Hello"}]
    return {
        CHAT: json.dumps(more | {"max_tokens": 3, "messages": messages}),
        "/v1/completions": json.dumps(more | {"max_tokens": 3, "prompt": "Hello"}),
        "/v1/responses": json.dumps(more | {"max_output_tokens": 3, "input": "Hello"}),
        "/v1/messages": json.dumps(more | {"max_tokens": 3, "messages": messages}),
    }


def post(name, path, body, listener="main.clear", fields=(), **more):
    """Adds a POST over HTTP/1.1, as raw bytes."""
    case(f"{name}, HTTP/1.1", "raw", listener, raw=request("POST", path, [JSON, *fields], body), **more)


def post2(name, path, body, listener="main.tls", fields=(), mode="h2", **more):
    """Adds a POST over HTTP/2, by curl."""
    case(f"{name}, HTTP/2", "curl", listener, path=path, body=body, mode=mode, fields=[JSON, *fields], **more)


def get(name, path, listener="main.clear", fields=(), method="GET", **more):
    case(f"{name}, HTTP/1.1", "raw", listener, raw=request(method, path, fields), method=method, **more)


def get2(name, path, listener="main.tls", fields=(), method="", mode="h2", **more):
    case(f"{name}, HTTP/2", "curl", listener, path=path, fields=list(fields), method=method, mode=mode, **more)


def zstd(data):
    """A Zstandard frame (RFC 8878) with one raw block of 256 to 65791 bytes."""
    block = (len(data) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\x60" + (len(data) - 256).to_bytes(2, "little") + block + data


def block(*fields):
    """Header fields in HPACK: literals without indexing and without Huffman codes."""
    return b"".join(literal(name.encode(), value.encode()) for name, value in fields)


def frames(name, *sent, listener="main.clear", lines=1, **more):
    raw = PREFACE + frame(4, 0, 0) + b"".join(sent)
    case(f"{name}, frames", "frames", listener, raw=raw, lines=lines, **more)


HEALTH = [(":method", "GET"), (":scheme", "http"), (":path", "/health"), (":authority", "x")]

# -- Successful exchanges

for path, body in dialects(True).items():
    post(f"a stream of {path}", path, body, upstream="good")
    post2(f"a stream of {path}", path, body)
for path, body in dialects(False).items():
    post(f"an answer of {path}", path, body, listener="main.tls")
    post2(f"an answer of {path}", path, body, listener="main.clear", mode="h2c")
post2("a stream after an upgrade", CHAT, chat(), listener="main.clear")
post2("a stream with usage", CHAT, chat(stream_options={"include_usage": True}), upstream="good")
post("a stream without usage", CHAT, chat(stream_options={"include_usage": False}), upstream="good")
post("several choices", CHAT, chat(n=2))
post("a prompt with other letters", CHAT, chat(prompt='日本 "x" \\ 🙂'), upstream="good")
post("embeddings", "/v1/embeddings", '{"model":"MODEL","input":["a","b"]}')
post2("embeddings", "/v1/embeddings", '{"model":"MODEL","input":"a"}')
post("rerank", "/v1/rerank", '{"model":"MODEL","query":"x","documents":["a","b"]}')
post("count_tokens", "/v1/messages/count_tokens", '{"model":"MODEL","messages":[{"role":"user","content":"x"}]}')
post("moderations, which the executor lacks", "/v1/moderations", '{"model":"MODEL","input":"x"}')
post2("a path that passes through", "/v1/audio/voices", '{"model":"MODEL"}', upstream="good",
     model=GOOD + "\npassthrough: [/v1/audio/voices]")
post("a model that its executor does not have", CHAT, chat(stream=False), upstream="good",
     model="executors: [{url: 'http://GOOD', api_key: KEY, health: {interval: 0s}}]")
post2("an executor over HTTP/2", CHAT, chat(), upstream="good",
      model="executors: [{url: 'http://GOOD', model: demo, api_key: KEY, protocol: h2, health: {interval: 0s}}]")
post2("an executor over TLS", CHAT, chat(), upstream="secure",
      model="executors: [{url: 'https://localhost:SECUREPORT', model: demo, api_key: KEY, tls: {ca: CA}, "
      "health: {interval: 0s}}]")
post("an executor of Anthropic's kind", "/v1/messages", dialects(True)["/v1/messages"], upstream="good",
     model="executors: [{url: 'http://GOOD', model: demo, api_key: KEY, kind: anthropic}]")
post("fields that pass and do not", CHAT, chat(), upstream="good", fields=[
    "x-request-id: recorded-1", "user-agent: recorder", "cookie: a=b", "x-title: t", "accept: text/event-stream",
    "authorization: Bearer fi-nothing", "x-session-id: s1",
    "traceparent: 00-00000000000000000000000000000001-0000000000000002-01",
    "anthropic-version: 2023-06-01", "openai-organization: o", "x-forwarded-for: 10.0.0.1",
], model=GOOD + "\nforward_fields: [x-title]")
post("gzip", CHAT, gzip.compress(chat().encode().replace(b"MODEL", b"fixed"), mtime=0), upstream="good",
     fields=["content-encoding: gzip"])
post2("zstd", CHAT, zstd(chat(prompt="x" * 400).replace("MODEL", "fixed").encode()),
      fields=["content-encoding: zstd"])
post2("a large body", CHAT, chat(prompt="x" * 300000))
case("a body in chunks, HTTP/1.1", "raw", raw=b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
     b"transfer-encoding: chunked\r\n\r\n"
     b"10\r\n{\"model\":\"fixed\"\r\nD;a=b\r\n,\"input\":\"x\"}\r\n0\r\nx: y\r\n\r\n", upstream="good")
case("a body after 100 (Continue), HTTP/1.1", "raw", raw=request("POST", CHAT, ["expect: 100-continue"], chat()))
case("HTTP/1.0", "raw", raw=request("POST", CHAT, [], chat(), version="1.0"))
case("three requests in one write", "raw", lines=2, raw=b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
     b"POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}" + request("GET", "/v1/models/fixed"))

# -- Lists and the server's own pages

for listener in ("main.clear", "main.tls", "main.only1", "main.trusted", "keys.clear", "small.tls"):
    get("/health", "/health", listener, lines=0)
get2("/health", "/health", lines=0)
get("/", "/")
get2("/", "/")
get("HEAD of /", "/", method="HEAD")
get2("HEAD of /health", "/health", method="HEAD", lines=0)
get("the models", "/v1/models", "keys.clear", fields=["authorization: Bearer fi-plain"])
get2("the models", "/models", "keys.tls")
get("the models of Anthropic's form", "/v1/models", "keys.clear", fields=["anthropic-version: 2023-06-01"])
get2("HEAD of the models", "/v1/models", "keys.tls", method="HEAD")
get("one model", "/v1/models/maker%2Flisted", "keys.clear")
get2("one model by its alias", "/v1/models/listed-too", "keys.tls")
get("a model that there is not", "/v1/models/nobody", "keys.clear")
get("ready", "/health/ready", "main.clear", lines=0)
case("metrics of a server", "metrics", "main.admin", path="/metrics", lines=0)
case("metrics of a server with keys", "metrics", "keys.admin", path="/metrics", lines=0)
case("deep health", "deep", "keys.admin", path="/health/deep", lines=0)
get("an admin path that there is not", "/nothing", "main.admin", lines=0)
get("admin health", "/health", "main.admin", lines=0)

# -- Paths and methods

for path in ("/nothing", "/chat/completions", "/v1/chat/completion", "/v1//chat/completions", CHAT + "/", "/v1/chats",
             "/v1/responses/resp_1", "/v1/files", "/api/chat", "/v1/chat/./completions", "/%76%31/chat/completions",
             "/v1/%2e%2e/x"):
    post(f"the path {path}", path, chat(stream=False))
get2("a path that there is not", "/v1/model")
get("GET of a POST path", CHAT)
get2("GET of a POST path", CHAT)
post2("POST of a GET path", "/v1/models", "{}")
get("DELETE of the models", "/v1/models", method="DELETE")
get("a method that HTTP does not have", "/v1/models", method="FROB")
get("PATCH of /", "/", method="PATCH")
get("OPTIONS of *", "*", method="OPTIONS")
get("OPTIONS of a path", CHAT, method="OPTIONS")
get("TRACE", "/", method="TRACE")
case("CONNECT", "raw", raw=b"CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n")
case("an absolute target", "raw", raw=request("GET", "http://edge.example/nothing"))

# -- CORS and redirects

ORIGIN, STRANGER = "origin: https://app.example", "origin: https://elsewhere.example"
PREFLIGHT = ["access-control-request-method: POST", "access-control-request-headers: authorization,content-type"]
get("a preflight", CHAT, method="OPTIONS", fields=[ORIGIN, *PREFLIGHT])
get2("a preflight", CHAT, method="OPTIONS", fields=[ORIGIN, *PREFLIGHT])
get("a preflight of another origin", CHAT, method="OPTIONS", fields=[STRANGER, *PREFLIGHT])
post("an origin", CHAT, chat(), fields=[ORIGIN], upstream="good")
post("an origin and an error", CHAT, "{", fields=[ORIGIN])
get("a redirect", "/v1/models?x=y", "main.redirect")
get2("a redirect", "/v1/models", "main.redirect", mode="h2c")
post("a redirect", CHAT, chat(), "main.redirect")
get("health where all else is redirected", "/health", "main.redirect", lines=0)

# -- Bodies that are refused

for name, body in {
    "no JSON": "{", "an empty body": "", "an array": "[1]", "two values": '{"model":"x"} {}',
    "no model": '{"messages":[]}',
    "a model that is no string": '{"model":7}', "two models": '{"model":"a","mod\\u0065l":"b"}',
    "a folded key": '{"Model":"a"}',
    "an unknown model": '{"model":"nobody"}', "a negative limit": '{"model":"MODEL","max_tokens":-5}',
    "a model whose name looks like a key": '{"model":"sk-0123456789abcdefghijklmnop"}',
    "bytes that are no UTF-8": b'{"model":"\xff"}', "a stream that is no boolean": '{"model":"MODEL","stream":1}',
}.items():  # fmt: skip
    post(name, CHAT, body)
post2("no JSON for messages", "/v1/messages", "{")
post2("an unknown model for messages", "/v1/messages", '{"model":"nobody"}')
post2("no JSON for responses", "/v1/responses", "{")
case("multipart, HTTP/1.1", "raw", raw=request("POST", CHAT, ["content-type: multipart/form-data; boundary=x"], b"x"))
post2("multipart", "/v1/images/edits", b"x", fields=["content-type: multipart/form-data; boundary=x"])
post("a coding that is not known", CHAT, b"xx", fields=["content-encoding: br"])
post("gzip that is none", CHAT, b"xx", fields=["content-encoding: gzip"])
post2("zstd that is none", CHAT, b"xx", fields=["content-encoding: zstd"])
post("a body beyond the limit", CHAT, b"x" * 70000, "keys.clear", fields=["authorization: Bearer fi-plain"])
post2("a body beyond the limit", CHAT, b"x" * 70000, "keys.tls", fields=["authorization: Bearer fi-plain"])
case("a length beyond the limit", "raw", "keys.clear", raw=b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
     b"authorization: Bearer fi-plain\r\ncontent-length: 99999999\r\n\r\n")
case("a length that memory could never hold", "raw", "small.clear", raw=b"POST /v1/chat/completions HTTP/1.1\r\n"
     b"host: x\r\ncontent-length: 12000000\r\n\r\n")
case("a body that does not come, HTTP/1.1", "raw", raw=b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
     b"content-length: 100\r\n\r\n{")
case("no length", "raw", raw=b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")

# -- Heads that are refused

for name, raw in {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
    "a bare line feed": b"GET / HTTP/1.1\nhost: x\n\n",
    "a folded field": b"GET / HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n",
    "a space before a colon": b"GET / HTTP/1.1\r\nhost: x\r\nx : a\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nhost: x\r\nx: a\x01b\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nhost: x\r\n\r\n",
    "a length and chunks": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
    "two lengths": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "a negative length": b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n",
    "a chunk size that is none": b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "a transfer coding that is not known": b"GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
    "a version that is not known": b"GET / HTTP/3.0\r\nhost: x\r\n\r\n",
    "an expectation": b"POST / HTTP/1.1\r\nhost: x\r\nexpect: more\r\ncontent-length: 2\r\n\r\n{}",
    "a target that is too long": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    "fields that are too large": b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 33000 + b"\r\n\r\n",
    "too many fields": b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x: y\r\n" * 101 + b"\r\n",
    "a head that does not come": b"GET / HTTP/1.1\r\nhost: x\r\n",
    "TLS in clear": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "a proxy's header": b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n",
    "a host that is none": b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n",
}.items():  # fmt: skip
    case(f"{name}, head", "raw", raw=raw, lines=0 if name in ("TLS in clear", "a proxy's header") else 1)
case("a field that is too large, HTTP/2", "curl", "main.tls", path="/", fields=["x: " + "a" * 40000])
get2("a host that the certificate does not have", "/v1/models/x", fields=["host: other.example"])
case("a certificate's name that is not the host's", "raw", "main.tls",
     raw=request("GET", "/v1/models/x", host="other.example"))
case("an HTTP/2 preface where it is off", "raw", "main.only1", raw=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", lines=1)
frames("a request", frame(1, 5, 1, block(*HEALTH)), lines=0)
frames("a PING", frame(6, 0, 0, b"12345678"), lines=0)
frames("no path", frame(1, 5, 1, block(*(field for field in HEALTH if field[0] != ":path"))), lines=0)
frames("a field in capitals", frame(1, 5, 1, block(*HEALTH, ("X-Large", "y"))), lines=0)
frames("a field of a connection", frame(1, 5, 1, block(*HEALTH, ("connection", "close"))), lines=0)
frames("a length that is not kept", frame(1, 4, 1, block((":method", "POST"), (":scheme", "http"), (":path", CHAT),
       (":authority", "x"), ("content-length", "5"))) + frame(0, 1, 1, b"{}"))
frames("a frame that is too large", frame(0, 0, 1, bytes(20000)), lines=0)
frames("a stream of an even number", frame(1, 5, 2, block(*HEALTH)), lines=0)
frames("a block that is none", frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff"), lines=0)
frames("a window beyond all measure", frame(8, 0, 0, b"\x7f\xff\xff\xff"), lines=0)
frames("a reset", frame(1, 4, 1, block((":method", "POST"), (":scheme", "http"), (":path", CHAT), (":authority", "x")))
       + frame(3, 0, 1, b"\x00\x00\x00\x08"))

# -- Keys

BEARER = "authorization: Bearer "
for name, fields in {
    "no key": [], "an unknown key": [BEARER + "fi-unknown"], "an expired key": [BEARER + "fi-expired"],
    "a key that is no key": [BEARER],
    "two keys": [BEARER + "fi-plain", "x-api-key: fi-limited"], "an observer": [BEARER + "fi-observer"],
    "a key for another model": [BEARER + "fi-narrow"], "a good key": [BEARER + "fi-plain"],
    "a good key in the other field": ["x-api-key: fi-plain"],
}.items():  # fmt: skip
    post(name, CHAT, chat(stream=False), "keys.clear", fields=fields)
post2("no key", "/v1/messages", dialects(True)["/v1/messages"], "keys.tls")
post2("a key with limits", CHAT, chat(), "keys.tls", fields=[BEARER + "fi-limited"])
post("a key with limits", CHAT, chat(stream=False), "keys.clear", fields=[BEARER + "fi-limited"])
post("a key whose rate is used up", CHAT, chat(stream=False), "keys.clear", fields=[BEARER + "fi-limited"])
post2("a key whose rate is used up, for messages", "/v1/messages", dialects(True)["/v1/messages"], "keys.tls",
      fields=[BEARER + "fi-limited"])
post("more tokens than a minute has", CHAT, chat(tokens=5000), "keys.clear", fields=[BEARER + "fi-tokens"])
post("a key with tokens", CHAT, chat(tokens=10), "keys.clear", fields=[BEARER + "fi-tokens"])
post("a key with one request at once", CHAT, chat(), "keys.clear", fields=[BEARER + "fi-single"])

# -- Executors that fail

for fault in ("die_after:0", "die_after:2", "cut_inside:1", "reset_after:1", "end_early:2", "error_event:0",
              "error_event:2", "mistake_event:0", "error_only:0", "error_line:1"):
    for path, body in dialects(True, fault).items():
        if path == CHAT or fault in ("error_event:2", "mistake_event:0"):
            post(f"{fault} of {path}", path, body)
# Slow enough for curl to receive the head before the stream is reset.
post2("error_event:2", CHAT, chat(simulator={"fault": "error_event:2", "pace": 5}))
post2("die_after:2 of messages", "/v1/messages", dialects(True)["/v1/messages"].replace(
      '"model"', '"simulator": {"fault": "die_after:2", "pace": 5}, "model"'))
for fault in ("status:400", "status:401", "status:404", "status:422", "status:429", "status:500", "status:503",
              "status:204", "error_document", "close_before_head", "garbage_head", "cut_json", "redirect:307",
              "only_end"):
    post(fault, CHAT, chat(stream=False, fault=fault))
post2("status:400 of messages", "/v1/messages", dialects(False, "status:400")["/v1/messages"])
for fault in ("no_done", "aborted", "no_reason", "comments", "crlf", "no_label", "split", "coalesce",
              "huge_event:70000", "error_event:1,coalesce"):
    post(fault, CHAT, chat(fault=fault))
post("a large answer", CHAT, chat(stream=False, fault="big_body:400000"))
post2("an error's text in the log", CHAT, chat(simulator={"fault": "mistake_event:1", "pace": 5}), "small.tls")
TWO = "balance: round-robin\nexecutors: [{url: 'http://FIRST', model: demo, api_key: KEY, health: {interval: 0s}}, " \
      "{url: 'http://OTHER', model: demo, api_key: KEY, health: {interval: 0s}}]"  # fmt: skip
for first in ("NOBODY", "ALWAYS500", "ALWAYS503", "ALWAYS429", "DYING", "FAILING"):
    post(f"another executor after {first}", CHAT, chat(), model=TWO.replace("FIRST", first))
post2("another executor after two", CHAT, chat(stream=False), model=TWO.replace("FIRST", "DYING"))
post("no executor", CHAT, chat(), model=GOOD.replace("GOOD", "NOBODY"))
post2("no executor", "/v1/messages", dialects(True)["/v1/messages"], model=GOOD.replace("GOOD", "NOBODY"))
post("a certificate that is not trusted", CHAT, chat(),
     model="executors: [{url: 'https://localhost:SECUREPORT', model: demo, api_key: KEY, health: {interval: 0s}}]")
post("a fallback", CHAT, chat(), model=GOOD.replace("GOOD", "NOBODY") + "\nfallbacks: [fixed]", upstream="good")
post("first_event", CHAT, chat(simulator={"prefill_ms": 4000}), model=GOOD + "\ntimeouts: {first_event: 1s}")
post("response", CHAT, chat(stream=False, simulator={"prefill_ms": 4000}), model=GOOD + "\ntimeouts: {response: 1s}")
post("stall", CHAT, chat(fault="stall_after:2"), model=GOOD + "\ntimeouts: {stall: 1s}")
post2("stall", "/v1/messages", dialects(True, "stall_after:2")["/v1/messages"], model=GOOD + "\ntimeouts: {stall: 1s}")
post("a comment before the first event", CHAT, chat(simulator={"prefill_ms": 2250}))
post("an error after a comment", CHAT, chat(simulator={"prefill_ms": 2250, "fault": "error_event:0"}))
ONE = "executors: [{url: 'http://GOOD', model: demo, api_key: KEY, max_running: 1, health: {interval: 0s}}]"
SLOW = '{"model":"MODEL","messages":[{"role":"user","content":"x"}],"simulator":{"prefill_ms":8000}}'
post("the queue's time", CHAT, chat(), model=ONE, background=SLOW, lines=2)
case("a client that leaves, HTTP/1.1", "raw", raw=request("POST", CHAT, [], chat(tokens=1000, simulator={"pace": 5})),
     leaves_after=b'"content":"', lines=1)


def configuration(server, ports, executors, scratch):
    """The configuration of one server, as YAML."""
    address = {listener: f"127.0.0.1:{ports[f'{server}.{listener}']}" for listener in LISTENERS[server] + ["admin"]}
    tls = f"tls: {{certificates: [{{chain: {scratch}/tls/chain.pem, key: {scratch}/tls/key.pem}}]}}"
    more = {"tls": ", " + tls, "only1": ", http2: false", "redirect": ", redirect_https: true"}
    more["trusted"] = ", trusted: true"
    listeners = "".join(f"  - {{address: '{address[name]}'{more.get(name, '')}}}\n" for name in LISTENERS[server])
    text = f"workers: 1\ndrain_timeout: 1s\nlisteners:\n{listeners}admin: {{address: '{address['admin']}', socket: off}}\n"
    text += {
        "main": "cors: {origins: ['https://app.example']}\ntimeouts: {header: 1s, body: 1s}\ncommit_after: 1500ms\n"
        "keep_alive: 5s\nadmission: {max_wait: 700ms}\n",
        "keys": f"limits: {{body: 64KiB}}\nauthentication: {{keys: {scratch}/keys.yaml, secret: {scratch}/secret}}\n",
        "small": "memory_limit: 16MiB\nlog: {engine_errors: true}\n",
    }[server]
    models = [case.model for case in CASES if case.listener.startswith(server)]
    if server == "keys":
        models.insert(0, LISTED)
    text += "models:\n" + "".join(models) + "  - id: fixed\n    " + GOOD.replace("KEY", "key-fixed") + "\n"
    text = text.replace("CA}", f"{scratch}/tls/ca.pem}}").replace("SECUREPORT", str(executors["secure"]))
    for name, port in executors.items():
        text = text.replace(f"//{name.upper()}", f"//127.0.0.1:{port}")
    return text


LISTED = """\
  - id: maker/listed
    aliases: [listed-too]
    name: 'Listed'
    created: 1700000000
    context_length: 8192
    max_output_length: 1024
    quantization: fp8
    input_modalities: [text, image]
    pricing: {prompt: 0.0000005, completion: 0.000001}
    supported_features: [tools]
    executors: [{url: 'http://GOOD', model: demo, api_key: key-listed, health: {interval: 0s}}]
"""
SECRET = b"0123456789abcdef0123456789abcdef"
KEYS = {
    "fi-plain": "tenant: acme",
    "fi-limited": "tenant: acme\n    requests_per_minute: 2",
    "fi-tokens": "tenant: acme\n    tokens_per_minute: 1000",
    "fi-single": "tenant: other\n    concurrency: 1",
    "fi-observer": "tenant: acme\n    role: observer",
    "fi-narrow": "tenant: acme\n    models: [maker/listed]",
    "fi-expired": "tenant: acme\n    expires: 2020-01-01",
}


def write_files(server, scratch):
    """Writes the key file of the server `keys`."""
    if server != "keys":
        return
    (scratch / "secret").write_bytes(SECRET)
    (scratch / "secret").chmod(0o600)
    text = "keys:\n"
    for key, lines in KEYS.items():
        digest = hmac.new(SECRET, key.encode(), hashlib.sha256).hexdigest()
        text += f"  - id: {key[3:]}\n    hash: {digest}\n    {lines}\n"
    (scratch / "keys.yaml").write_text(text)
