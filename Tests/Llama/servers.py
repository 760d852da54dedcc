"""The two servers under test, on free loopback ports: llama-cpp-python's with two models, and the edge in front of it.

Both end when the test program does, however it ends. What they say goes to files that the tests read.
"""

import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("FREEINFERENCE_BINARY", ROOT / ".build/release/freeinference"))
CONTEXT_TOKENS = 32768
# What clients say, and what the edge says to the engine.
CHAT, ENGINE_CHAT = "tiny", "engine-tiny"
EMBEDDING, ENGINE_EMBEDDING = "tiny-embedding", "engine-tiny-embedding"
# No wait is longer: generous, for a machine that compiles beside the tests.
PATIENCE_SECONDS = 90

EDGE = """\
listeners:
  - address: 127.0.0.1:{tls}
    tls:
      certificates:
        - chain: {folder}/chain.pem
          key: {folder}/key.pem
  - address: 127.0.0.1:{clear}
admin:
  address: 127.0.0.1:{admin}
# Soon, so that the tests see what a client gets while the engine reads a long prompt or serves another.
commit_after: 2s
keep_alive: 1s
models:
  - id: {chat}
    executors:
      - url: http://127.0.0.1:{engine}
        model: {engine_chat}
  - id: {embedding}
    executors:
      - url: http://127.0.0.1:{engine}
        model: {engine_embedding}
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def eventually(question, what):
    """The first answer that is neither None nor false; an error once nobody can be that slow."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = question()
        if answer is not None and answer is not False:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain for {what}")


def end_with_parent():
    """Runs in the child: it gets SIGKILL when its parent ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Server:
    """A child process; stdout and stderr in files."""

    def __init__(self, name, folder, command, environment=None):
        self.name = name
        self.output, self.errors = folder / f"{name}.out", folder / f"{name}.err"
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=folder,
                env={**os.environ, **(environment or {})}, preexec_fn=end_with_parent)

    def said(self):
        """All that it said so far."""
        return self.output.read_text(errors="replace") + self.errors.read_text(errors="replace")

    def ready(self, port, path):
        """Waits until it answers, or has ended."""
        def asked():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.said()}")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", path)
                return connection.getresponse().status == 200
            except OSError:
                return False
            finally:
                connection.close()
        eventually(asked, f"{self.name} to start")

    def stop(self):
        """SIGTERM, and SIGKILL for one that does not end; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


class Engine(Server):
    """llama-cpp-python's server. It does one request at a time, for both of its models."""

    # Said in one case only: a stream was cancelled before its last token.
    LEFT = "Disconnected from client"

    def __init__(self, folder, model, port):
        self.port = port
        settings = {
            "host": "127.0.0.1", "port": port,
            # Else the engine ends a running stream as soon as another request comes, and an abort would prove nothing.
            "interrupt_requests": False,
            "models": [
                # verbose: it says when it begins to read a prompt.
                {"model": str(model), "model_alias": ENGINE_CHAT, "n_ctx": CONTEXT_TOKENS, "verbose": True},
                {"model": str(model), "model_alias": ENGINE_EMBEDDING, "n_ctx": 2048, "embedding": True,
                 "verbose": False},
            ],
        }
        configuration = folder / "engine.json"
        configuration.write_text(json.dumps(settings))
        super().__init__("engine", folder, [sys.executable, "-m", "llama_cpp.server", "--config_file", configuration],
                         {"PYTHONUNBUFFERED": "1"})

    def leavings(self):
        """How many streams it has cancelled since it started."""
        return self.said().count(self.LEFT)

    def requests(self):
        """How many requests it has begun to answer since it started."""
        return self.said().count('"POST /v1/')

    def post(self, path, body, **fields):
        """Asks it directly: status, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("POST", path, json.dumps(body), {"content-type": "application/json", **fields})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class Edge(Server):
    """`freeinference serve`, in clear and over TLS."""

    def __init__(self, folder, engine_port, tls, clear, admin):
        self.tls, self.clear = tls, clear
        self.authority = folder / "ca.pem"
        subprocess.run([BINARY, "certificate", "--directory", folder], check=True, stdout=subprocess.DEVNULL)
        configuration = folder / "edge.yaml"
        configuration.write_text(EDGE.format(
            tls=tls, clear=clear, admin=admin, folder=folder, engine=engine_port, chat=CHAT, engine_chat=ENGINE_CHAT,
            embedding=EMBEDDING, engine_embedding=ENGINE_EMBEDDING))
        super().__init__("edge", folder, [BINARY, "serve", "--config", configuration])

    def logged(self, request_id):
        """The log line of an exchange, once it has ended."""
        def found():
            # The last line may be half written.
            for line in self.output.read_text().split("\n")[:-1]:
                entry = json.loads(line)
                if entry["request_id"] == request_id:
                    return entry
            return None
        return eventually(found, f"the log line of {request_id}")
