"""The servers of a test with a real engine, on free loopback ports: engines, and the edge in front of them.

All of them end with the test program, however it ends. Their output goes to files that the tests read.
"""

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
# The longest wait for one condition, in seconds; long enough for a machine that compiles beside the tests.
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
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def eventually(question, what, seconds=PATIENCE_SECONDS):
    """Repeats `question` until its result is neither None nor False, and returns it; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = question()
        if answer is not None and answer is not False:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


class Keeper:
    """A process that outlives the test program for a moment, to kill the process groups of its servers.

    The children of a killed server would survive it, so each server has its own process group.
    """

    PROGRAM = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    group = int(line)
    if group > 0:
        groups.add(group)
    else:
        groups.discard(-group)
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""
    process = None

    @classmethod
    def say(cls, group):
        """Registers a process group to kill later; a negative number unregisters the group."""
        if cls.process is None:
            cls.process = subprocess.Popen(
                [sys.executable, "-c", cls.PROGRAM], stdin=subprocess.PIPE, text=True, start_new_session=True)
        cls.process.stdin.write(f"{group}\n")
        cls.process.stdin.flush()


class UnixConnection(http.client.HTTPConnection):
    """HTTP/1.1 over a unix socket."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Server:
    """A child process with its own children; stdout and stderr go to files.

    `port` is a loopback port, or the path of a unix socket.
    """

    def __init__(self, name, folder, command, port, environment=None):
        self.name, self.port, self.status = name, port, None
        self.output, self.errors = folder / f"{name}.out", folder / f"{name}.err"
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=folder,
                env={**os.environ, **(environment or {})}, start_new_session=True)
        Keeper.say(self.process.pid)

    def said(self):
        """All of its output so far."""
        return self.output.read_text(errors="replace") + self.errors.read_text(errors="replace")

    def connection(self, timeout=PATIENCE_SECONDS):
        if isinstance(self.port, int):
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        return UnixConnection(self.port, timeout)

    def ask(self, method, path, body=None, timeout=PATIENCE_SECONDS, **fields):
        """Sends a request directly to this server; a `body` is sent as JSON. Returns status and body."""
        connection = self.connection(timeout)
        try:
            if body is None:
                connection.request(method, path, headers=fields)
            else:
                connection.request(method, path, json.dumps(body), {"content-type": "application/json", **fields})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def post(self, path, body, **fields):
        return self.ask("POST", path, body, **fields)

    def get(self, path, timeout=PATIENCE_SECONDS):
        return self.ask("GET", path, timeout=timeout)

    def ready(self, path, seconds=PATIENCE_SECONDS):
        """Waits until the server answers, or until its process has ended."""
        def asked():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.said()}")
            try:
                return self.get(path, timeout=5)[0] == 200
            except OSError:
                return False
        eventually(asked, f"{self.name} to start", seconds)

    def stop(self):
        """Sends SIGTERM, then SIGKILL to what is left of its process group; returns its exit status."""
        if self.status is not None:
            return self.status
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.status = self.process.wait()
        try:
            # Called right after the process has ended, and never again, because the kernel may later give the number to
            # another process group.
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        Keeper.say(-self.process.pid)
        return self.status


class Edge(Server):
    """`freeinference serve`, in clear text and over TLS; `models` is that section of its configuration."""

    def __init__(self, folder, models, binary=BINARY):
        self.tls, self.clear, self.admin = free_ports(3)
        self.authority = folder / "ca.pem"
        subprocess.run([binary, "certificate", "--directory", folder], check=True, stdout=subprocess.DEVNULL)
        configuration = folder / "edge.yaml"
        configuration.write_text(
            EDGE.format(tls=self.tls, clear=self.clear, admin=self.admin, folder=folder) + models)
        super().__init__("edge", folder, [binary, "serve", "--config", configuration], self.clear)

    def log(self):
        """The log lines of all exchanges that have ended. A last line that is half written is skipped."""
        return [json.loads(line) for line in self.output.read_text().split("\n")[:-1]]

    def logged(self, request_id):
        """The log line of an exchange; waits until the exchange has ended."""
        return eventually(lambda: next((line for line in self.log() if line["request_id"] == request_id), None),
                          f"the log line of {request_id}")
