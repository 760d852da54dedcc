"""What the test files share: clients of both kinds, what to say, and how answers are compared."""

import json
import socket
import ssl
import subprocess
import sys
import unittest
import uuid
from pathlib import Path

import openai

from servers import PATIENCE_SECONDS

sys.path.append(str(Path(__file__).resolve().parents[1] / "EndToEnd" / "Clients"))
import cli  # noqa: E402
from http2 import Connection  # noqa: E402

# What clients say, and what the edge says to the engine.
CHAT, ENGINE_CHAT = "tiny", "engine-tiny"
STORY = [{"role": "system", "content": "Say words."}, {"role": "user", "content": "Tell me a story of 3 rivers."}]


def new_id():
    """A request id. A UUID, since the engine answers 400 to any other."""
    return str(uuid.uuid4())


def chat(model=CHAT, tokens=24, **fields):
    """The body of a chat request whose answer is the same each time."""
    return {"model": model, "messages": STORY, "max_tokens": tokens, "temperature": 0, "seed": 7, **fields}


def completion(model=CHAT, tokens=24, **fields):
    return {"model": model, "prompt": "Once upon a time", "max_tokens": tokens, "temperature": 0, "seed": 7, **fields}


def events(body):
    """The payloads of a whole event stream; comments are left out."""
    text = body.decode() if isinstance(body, bytes) else body
    blocks = [block for block in text.replace("\r\n", "\n").split("\n\n") if block]
    lines = [line for block in blocks for line in block.split("\n") if not line.startswith(":")]
    return [line.removeprefix("data:").strip() for line in lines]


def same_each_time(payload):
    """An answer or an event without what the engine makes up anew for each request."""
    if payload == "[DONE]":
        return payload
    value = json.loads(payload) if isinstance(payload, (str, bytes)) else payload
    return {name: part for name, part in value.items() if name not in ("id", "created")}


def text_of(chunks):
    """What a stream of the SDK's chunks says."""
    return "".join(
        (choice.delta.content if hasattr(choice, "delta") else choice.text) or ""
        for chunk in chunks for choice in chunk.choices)


class Case(unittest.TestCase):
    # The engine that is asked directly, and the edge in front of it: given by run.py.
    engine = None
    edge = None
    maxDiff = 4000

    def sdk(self, protocol):
        """The openai SDK, over HTTP/1.1 in clear or over TLS with HTTP/2. It never tries again."""
        if protocol == "HTTP/1.1":
            client = openai.OpenAI(base_url=f"http://127.0.0.1:{self.edge.clear}/v1", api_key="none", max_retries=0,
                                   timeout=PATIENCE_SECONDS, http_client=openai.DefaultHttpxClient(trust_env=False))
        else:
            client = openai.OpenAI(
                base_url=f"https://127.0.0.1:{self.edge.tls}/v1", api_key="none", max_retries=0,
                timeout=PATIENCE_SECONDS,
                http_client=openai.DefaultHttpxClient(http2=True, verify=self.trust(), trust_env=False))
        self.addCleanup(client.close)
        return client

    def trust(self):
        """A TLS context that trusts the edge's certificate."""
        return ssl.create_default_context(cafile=str(self.edge.authority))

    def connect(self):
        """A connection of HTTP/2; it ends without a GOAWAY, as that of a client that is gone."""
        connection = Connection(cli.target(self.edge.tls, self.edge.authority, name="127.0.0.1"), window=65535)
        self.addCleanup(connection.close)
        return connection

    def post(self, connection, path, body, request_id):
        """Asks over a connection of `connect`; the number of the stream. A large body follows as the windows open."""
        return connection.post(path, json.dumps(body).encode(), [("x-request-id", request_id)])

    def http1(self, path, body, request_id):
        """Asks over TLS and HTTP/1.1; the socket, whose end is all that the edge hears of a client that leaves."""
        data = json.dumps(body).encode()
        plain = socket.create_connection(("127.0.0.1", self.edge.tls), timeout=PATIENCE_SECONDS)
        client = self.trust().wrap_socket(plain, server_hostname="127.0.0.1")
        self.addCleanup(client.close)
        client.sendall(
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"x-request-id: {request_id}\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)
        return client

    def curl_command(self, path, *arguments, body=None, tls=True, request_id=None):
        command = ["curl", "--silent", "--show-error", "--no-buffer", "--noproxy", "*",
                   "--max-time", str(PATIENCE_SECONDS)]
        if tls:
            command += ["--http2", "--cacert", str(self.edge.authority), f"https://127.0.0.1:{self.edge.tls}{path}"]
        else:
            command += ["--http1.1", f"http://127.0.0.1:{self.edge.clear}{path}"]
        if body is not None:
            command += ["--header", "content-type: application/json", "--data-binary", "@-"]
        if request_id:
            command += ["--header", f"x-request-id: {request_id}"]
        return command + list(arguments)

    def curl(self, path, *arguments, body=None, tls=True, request_id=None):
        """Status, fields and body of a whole answer."""
        command = self.curl_command(path, "--include", *arguments, body=body, tls=tls, request_id=request_id)
        sent = json.dumps(body).encode() if body is not None else b""
        done = subprocess.run(command, input=sent, capture_output=True, timeout=PATIENCE_SECONDS + 10)
        self.assertEqual(done.returncode, 0, done.stderr)
        head, _, rest = done.stdout.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(first.split()[1]), fields, rest

    def assertLogged(self, request_id, **expected):
        """The exchange's log line has these values; the line."""
        line = self.edge.logged(request_id)
        self.assertEqual({name: line.get(name) for name in expected}, expected, line)
        return line

    def direct_events(self, path, body):
        """What the engine itself says to a request for a stream."""
        status, answer = self.engine.post(path, body)
        self.assertEqual(status, 200, answer)
        return [same_each_time(payload) for payload in events(answer)]

    def direct(self, path, body):
        """What the engine itself says: status, JSON without what changes."""
        status, answer = self.engine.post(path, body)
        return status, same_each_time(answer)

    def assertServes(self):
        """The engine is free: it answers a short request that comes through the edge, whole."""
        request_id = new_id()
        status, _, body = self.curl("/v1/chat/completions", body=chat(tokens=4), request_id=request_id)
        self.assertEqual(status, 200, body)
        self.assertEqual(same_each_time(body), self.direct("/v1/chat/completions", chat(ENGINE_CHAT, tokens=4))[1])
        self.assertLogged(request_id, status=200, end="complete", tokens=4)
