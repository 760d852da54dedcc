"""Shared by the test files: clients for HTTP/1.1 and HTTP/2, requests, and the comparison of responses."""

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

# The name that clients use for the model, and the name that the edge sends to the engine.
CHAT, ENGINE_CHAT = "tiny", "engine-tiny"
STORY = [{"role": "system", "content": "Say words."}, {"role": "user", "content": "Tell me a story of 3 rivers."}]


def new_id():
    """A new request id. It is a UUID, because the engine answers 400 to any other id."""
    return str(uuid.uuid4())


def chat(model=CHAT, tokens=24, **fields):
    """The body of a chat request that always gets the same response."""
    return {"model": model, "messages": STORY, "max_tokens": tokens, "temperature": 0, "seed": 7, **fields}


def completion(model=CHAT, tokens=24, **fields):
    return {"model": model, "prompt": "Once upon a time", "max_tokens": tokens, "temperature": 0, "seed": 7, **fields}


def events(body):
    """The payloads of a complete event stream, without comments."""
    text = body.decode() if isinstance(body, bytes) else body
    blocks = [block for block in text.replace("\r\n", "\n").split("\n\n") if block]
    lines = [line for block in blocks for line in block.split("\n") if not line.startswith(":")]
    return [line.removeprefix("data:").strip() for line in lines]


def same_each_time(payload):
    """A response or an event without `id` and `created`, which differ in every response."""
    if payload == "[DONE]":
        return payload
    value = json.loads(payload) if isinstance(payload, (str, bytes)) else payload
    return {name: part for name, part in value.items() if name not in ("id", "created")}


def text_of(chunks):
    """The text of a stream of SDK chunks."""
    return "".join(
        (choice.delta.content if hasattr(choice, "delta") else choice.text) or ""
        for chunk in chunks for choice in chunk.choices)


class Case(unittest.TestCase):
    # The engine, which is asked directly, and the edge in front of it; set by run.py.
    engine = None
    edge = None
    maxDiff = 4000

    def sdk(self, protocol):
        """The OpenAI SDK, over HTTP/1.1 in clear text, or over TLS with HTTP/2. It never retries."""
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
        """An HTTP/2 connection, which closes without GOAWAY, like the connection of a client that is gone."""
        connection = Connection(cli.target(self.edge.tls, self.edge.authority, name="127.0.0.1"), window=65535)
        self.addCleanup(connection.close)
        return connection

    def post(self, connection, path, body, request_id):
        """Sends a request on a connection of `connect`; returns the stream id. A large body is sent as the windows
        open.
        """
        return connection.post(path, json.dumps(body).encode(), [("x-request-id", request_id)])

    def http1(self, path, body, request_id):
        """Sends a request over TLS and HTTP/1.1; returns the socket, so that a test can close it."""
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
        """Status, fields and body of a complete response."""
        command = self.curl_command(path, "--include", *arguments, body=body, tls=tls, request_id=request_id)
        sent = json.dumps(body).encode() if body is not None else b""
        done = subprocess.run(command, input=sent, capture_output=True, timeout=PATIENCE_SECONDS + 10)
        self.assertEqual(done.returncode, 0, done.stderr)
        head, _, rest = done.stdout.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(first.split()[1]), fields, rest

    def assertLogged(self, request_id, **expected):
        """Checks that the exchange's log line has these values, and returns the line."""
        line = self.edge.logged(request_id)
        self.assertEqual({name: line.get(name) for name in expected}, expected, line)
        return line

    def direct_events(self, path, body):
        """The engine's own response to a streamed request."""
        status, answer = self.engine.post(path, body)
        self.assertEqual(status, 200, answer)
        return [same_each_time(payload) for payload in events(answer)]

    def direct(self, path, body):
        """The engine's own response: status, and JSON without the parts that always differ."""
        status, answer = self.engine.post(path, body)
        return status, same_each_time(answer)

    def assertServes(self):
        """Checks that the engine is free: it answers a short request through the edge completely."""
        request_id = new_id()
        status, _, body = self.curl("/v1/chat/completions", body=chat(tokens=4), request_id=request_id)
        self.assertEqual(status, 200, body)
        self.assertEqual(same_each_time(body), self.direct("/v1/chat/completions", chat(ENGINE_CHAT, tokens=4))[1])
        self.assertLogged(request_id, status=200, end="complete", tokens=4)
