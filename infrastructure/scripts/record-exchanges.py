#!/usr/bin/env python3
"""Records what a binary answers to a fixed set of exchanges, so that two binaries can be compared byte by byte.

    infrastructure/scripts/record-exchanges.py BINARY [--output FILE]

Starts executors (`freeinference executor`) and three servers (`freeinference serve`) of the binary on free loopback
ports, sends the exchanges of record_cases.py one after another, and writes for each one the head and the body that the
client received and the lines that the server logged. Dates, request ids, creation times, durations, ports and the ids
that the executor makes up are masked, so two runs of one binary write the same bytes. Any difference between two
binaries is a change of behaviour.

Nothing but the Python standard library, curl and the binary is needed.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import record_cases
from frames import split  # from the folder that record_cases adds

# A body beyond this many bytes is written as its length and its SHA-256.
BODY_MAX = 16384
CURL_MODES = {"h2": "--http2", "h2c": "--http2-prior-knowledge", "upgrade": "--http2", "curl1": "--http1.1"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, condition, seconds=10.0):
    """Polls `condition` and returns its first value that is true; raises TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.005)
    raise TimeoutError(what)


class Mask:
    """Replaces the parts that differ between two runs of one binary."""

    LOG_TIMES = re.compile(r'"(time|exchange_id)":"[^"]*"')
    LOG_DURATIONS = re.compile(r'"(\w+_ms)":[0-9.]+')
    # The time at which the executor wrote a token, in nanoseconds since the machine started.
    EMITTED = re.compile(r'"emitted_ns":(\d+)')
    RULES = [
        (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID"),
        (re.compile(r"(?im)^(date|last-modified): .*$"), r"\1: DATE"),
        (re.compile(r"(?im)^(x-ratelimit-reset-\w+): .*$"), r"\1: SPAN"),
        (EMITTED, '"emitted_ns":0'),
        # Each process of the server makes a random id at its start, and adds it to `cdn-loop`.
        (re.compile(r"\bfreeinference-[0-9a-f]{16}\b"), "freeinference-ID"),
        (re.compile(r'"(created|created_at|completed_at)":\s*\d+'), r'"\1":0'),
        (re.compile(r'"(created_at|since|at)":"\d{4}-[^"]*"'), r'"\1":"TIME"'),
        # The executor's ids end in twelve hexadecimal digits that depend on the time at which it was started.
        (re.compile(r"\b(chatcmpl-|cmpl-|msg_|resp_|rs_|fc_|call_|toolu_|rerank-|embd-|score-)[0-9a-f]{12}"), r"\1ID"),
        (re.compile(r"\b[0-9a-f]{12}\b"), "ID"),
    ]

    def __init__(self):
        self.names = {}
        self.scratch = None

    def port(self, port, name):
        self.names[str(port)] = name

    def text(self, text):
        text = text.replace(str(self.scratch), "SCRATCH")
        text = re.sub(r"(?:127\.0\.0\.1|localhost):(\d+)", self._address, text)
        text = re.sub(r"(?<=:)(\d{4,5})\b", self._address, text)
        for pattern, replacement in self.RULES:
            text = pattern.sub(replacement, text)
        return text

    def log(self, line, surplus=0):
        """A masked log line; `surplus` is the number of bytes by which masking has shortened the response."""
        line = re.sub(r'"bytes_out":(\d+)', lambda match: f'"bytes_out":{int(match.group(1)) - surplus}', line)
        line = self.LOG_TIMES.sub(r'"\1":"-"', line)
        return self.text(self.LOG_DURATIONS.sub(r'"\1":0', line))

    def _address(self, match):
        return self.names.get(match.group(1), match.group(0))


class Process:
    def __init__(self, words, scratch, name):
        self.output_path, self.errors_path = scratch / f"{name}.out", scratch / f"{name}.err"
        with open(self.output_path, "wb") as output, open(self.errors_path, "wb") as errors:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        self.seen = 0

    def lines(self):
        return self.output_path.read_bytes().decode("utf-8", "backslashreplace").split("\n")[:-1]

    def new_lines(self, count, seconds=5.0):
        """The next `count` lines of standard output and all beyond them; fewer if the time is over."""
        try:
            until("a log line", lambda: len(self.lines()) >= self.seen + count, seconds)
        except TimeoutError:
            pass
        lines = self.lines()[self.seen :]
        self.seen += len(lines)
        return lines

    def errors(self):
        return self.errors_path.read_text(errors="backslashreplace")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


class Recorder:
    def __init__(self, binary, output, scratch):
        self.binary, self.output, self.scratch = binary, output, scratch
        self.mask = Mask()
        self.mask.scratch = scratch
        self.ports, self.processes, self.executors = {}, {}, {}

    # -- Starting

    def start(self):
        subprocess.run(
            [self.binary, "certificate", "--directory", self.scratch / "tls"], check=True, stdout=subprocess.DEVNULL
        )
        self.context = ssl.create_default_context(cafile=str(self.scratch / "tls/ca.pem"))
        for name, arguments in record_cases.EXECUTORS.items():
            port = free_port()
            self.mask.port(port, name.upper())
            self.executors[name] = port
            words = [self.binary, "executor", "--listen", f"127.0.0.1:{port}", "--prefill", "0ms", "--pace", "0"]
            if name == "secure":
                words += ["--certificate", self.scratch / "tls/chain.pem", "--key", self.scratch / "tls/key.pem"]
            self.processes[name] = Process(words + arguments, self.scratch, name)
        # Nothing listens on this port, so connections to it are refused.
        self.executors["nobody"] = free_port()
        self.mask.port(self.executors["nobody"], "NOBODY")
        for name, port in self.executors.items():
            if name != "nobody":
                until(f"the executor {name}", lambda: self._listens(port))
        for server, listeners in record_cases.LISTENERS.items():
            for listener in listeners + ["admin"]:
                port = self.ports[f"{server}.{listener}"] = free_port()
                self.mask.port(port, f"{server}.{listener}".upper())
        for server in record_cases.LISTENERS:
            self._serve(server)

    def _serve(self, name):
        record_cases.write_files(name, self.scratch)
        text = record_cases.configuration(name, self.ports, self.executors, self.scratch)
        path = self.scratch / f"server-{name}.yaml"
        path.write_text(text)
        server = self.processes[f"server-{name}"] = Process(
            [self.binary, "serve", "--config", path], self.scratch, f"server-{name}"
        )

        def ready():
            if server.process.poll() is not None:
                sys.exit(f"the server {name} ended:\n{server.errors()}")
            return "freeinference: ready" in server.errors()

        until(f"the server {name}", ready)

    @staticmethod
    def _listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    # -- Recording

    def record(self, cases):
        for number, case in enumerate(cases, 1):
            if sys.stderr.isatty():
                print(f"\r{number}/{len(cases)}", end="", file=sys.stderr, flush=True)
            self._write(f"=== {number:03} {case.name}\n")
            server = case.listener.split(".")[0]
            # The recording replaces parts that differ from run to run. This counts by how many bytes a body became
            # shorter.
            self.surplus = 0
            background = self._background(case)
            answer = getattr(self, f"_by_{case.how}")(case)
            self._write(self.mask.text(answer).rstrip("\n") + "\n")
            if background:
                background.terminate()
                background.wait()
            if case.upstream:
                self._write("--- executor received\n" + self.mask.text(self._upstream(case)) + "\n")
            surplus = self.surplus if case.lines == 1 else 0
            lines = self.processes[f"server-{server}"].new_lines(case.lines)
            self._write("".join(sorted(f"--- log {self.mask.log(line, surplus)}\n" for line in lines)))

    def finish(self):
        for name, process in reversed(self.processes.items()):
            status = process.stop()
            if name.startswith("server-"):
                self._write(f"=== {name} ended with {status}\n")
                for line in process.new_lines(0):
                    self._write("--- log " + self.mask.log(line) + "\n")
                # On a busy machine a process may be paused, which it reports.
                errors = re.sub(r"(?m)^.* the process was paused .*\n", "", process.errors())
                errors = re.sub(r"\b\d+(\.\d+)?( ?m?s)\b", r"N\2", errors)
                self._write(self.mask.text(errors))

    def _write(self, text):
        self.output.write(text.encode("utf-8", "backslashreplace"))

    def _body(self, body):
        text = body.decode("utf-8", "backslashreplace")
        self.surplus += sum(len(digits) - 1 for digits in Mask.EMITTED.findall(text))
        text = self.mask.text(text)
        if len(text) > BODY_MAX:
            return f"[{len(text)} characters, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}]"
        return text.replace("\r", "\\r")

    def _url(self, case):
        scheme = "https" if case.listener.endswith("tls") else "http"
        return f"{scheme}://127.0.0.1:{self.ports[case.listener]}{case.path}"

    def _background(self, case):
        """Starts the case's background request, which runs during the exchange."""
        if not case.background:
            return None
        url = f"http://127.0.0.1:{self.ports[case.listener]}/v1/chat/completions"
        words = ["curl", "--silent", "--noproxy", "*", "--data-binary", case.background, url]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        return process

    def _by_curl(self, case):
        head, body, request = (self.scratch / name for name in ("head", "body", "request"))
        for path in (head, body):
            path.write_bytes(b"")
        words = ["curl", "--silent", "--noproxy", "*", "--path-as-is", CURL_MODES[case.mode], "--max-time", "20"]
        words += ["--cacert", self.scratch / "tls/ca.pem", "--dump-header", head, "--output", body]
        words += ["--user-agent", "recorder"]
        if case.method == "HEAD":
            words += ["--head"]
        elif case.method:
            words += ["--request", case.method]
        for field in case.fields:
            words += ["--header", field]
        if case.body is not None:
            request.write_bytes(case.body)
            words += ["--data-binary", f"@{request}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        code = subprocess.run(words + [self._url(case)], **quiet).returncode
        text = head.read_bytes().decode("utf-8", "backslashreplace").replace("\r\n", "\n")
        return f"{text}{self._body(body.read_bytes())}\n--- curl ended with {code}"

    def _connect(self, case):
        wire = socket.create_connection(("127.0.0.1", self.ports[case.listener]), timeout=10)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if case.listener.endswith("tls"):
            context = self.context
            if case.alpn:
                context = ssl.create_default_context(cafile=str(self.scratch / "tls/ca.pem"))
                context.set_alpn_protocols(case.alpn)
            wire = context.wrap_socket(wire, server_hostname="localhost")
        return wire

    def _by_raw(self, case):
        """Sends the case's bytes over HTTP/1.1; returns what arrived until the server closed."""
        with self._connect(case) as wire:
            wire.sendall(case.raw)
            if case.leaves_after is not None:
                received = b""
                while case.leaves_after not in received and (more := wire.recv(65536)):
                    received += more
                return Mask.EMITTED.search(received.decode()).group(0) + "\n--- the client left"
            received, ending = self._receive(wire)
        return "\n".join(self._answers(received, case.method == "HEAD")) + f"\n--- {ending}"

    @staticmethod
    def _receive(wire):
        received = b""
        while True:
            try:
                more = wire.recv(65536)
            except TimeoutError:
                return received, "still open"
            except OSError as error:
                return received, type(error).__name__
            if not more:
                return received, "closed"
            received += more

    def _answers(self, rest, is_head):
        """Splits the bytes into responses; yields each head, and each body without chunk framing."""
        while rest:
            head, mark, rest = rest.partition(b"\r\n\r\n")
            text = head.decode("utf-8", "backslashreplace")
            yield text.replace("\r\n", "\n") + "\n"
            fields = dict(line.lower().split(": ", 1) for line in text.split("\r\n")[1:] if ": " in line)
            if is_head or not mark or text.split(" ")[1] in ("100", "101", "204", "304"):
                continue
            if fields.get("transfer-encoding") == "chunked":
                body, rest, ending = self._unchunked(rest)
                yield self._body(body) + f"\n--- chunks {ending}"
            else:
                length = int(fields.get("content-length", len(rest)))
                body, rest = rest[:length], rest[length:]
                yield self._body(body)

    @staticmethod
    def _unchunked(rest):
        body = b""
        while rest:
            line, _, rest = rest.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            if size == 0:
                return body, rest.removeprefix(b"\r\n"), "whole"
            if len(rest) < size:
                return body + rest, b"", "cut inside one"
            body, rest = body + rest[:size], rest[size + 2 :]
        return body, b"", "cut"

    def _by_frames(self, case):
        """Sends raw HTTP/2 and returns the received frames. Header blocks are left out, because they contain the
        date.
        """
        with self._connect(case) as wire:
            wire.sendall(case.raw)
            # Waits 0.7 s for more frames, because an HTTP/2 connection without a fault stays open.
            wire.settimeout(0.7)
            received, ending = self._receive(wire)
        lines = []
        for kind, flags, stream, payload in split(received)[0]:
            name = record_cases.FRAMES.get(kind, str(kind))
            shown = "" if name in ("HEADERS", "CONTINUATION") else payload.hex()
            if name in ("DATA", "GOAWAY"):
                shown = repr(payload)[2:-1]
            lines.append(f"{name} flags={flags:#04x} stream={stream} {shown}".rstrip())
        return "\n".join(lines) + f"\n--- {ending}"

    def _by_metrics(self, case):
        """Names, types and labels of the metrics, without values and model names."""
        body = self._get(self.ports[case.listener], case.path).partition(b"\r\n\r\n")[2].decode()
        names = {line if line.startswith("#") else line.rsplit(" ", 1)[0] for line in body.split("\n") if line}
        names = {re.sub(r'model="m\d+"', 'model="M"', self.mask.text(name)) for name in names if "_bucket" not in name}
        return "\n".join(sorted(names))

    def _by_deep(self, case):
        """The response without its numbers; content-length is masked too, because it depends on their digits."""
        body = self._get(self.ports[case.listener], case.path).decode().replace("\r\n", "\n")
        body = re.sub(r"content-length: \d+", "content-length: 0", body)
        return re.sub(r'"(\w*(?:bytes|memory|used|seconds|connections)\w*)":\d+', r'"\1":0', body)

    def _upstream(self, case):
        context = self.context if case.upstream == "secure" else None
        answer = self._get(self.executors[case.upstream], "/simulator/last", context).partition(b"\r\n\r\n")[2]
        request = json.loads(answer)
        fields = "".join(f"{name}: {value}\n" for name, value in request["fields"])
        line = f"{request['method']} {request['target']} {request['version']} {request['authority']}\n"
        return line + fields + self._body(request["body"].encode())

    @staticmethod
    def _get(port, path, context=None):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            wire = context.wrap_socket(plain, server_hostname="localhost") if context else plain
            wire.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
            received = b""
            while more := wire.recv(65536):
                received += more
        return received


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--output", default="-", help="the file to write; - is standard output")
    parser.add_argument("--only", default="", help="record only exchanges whose name contains this")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    scratch = Path(tempfile.mkdtemp(prefix="record-"))
    output = sys.stdout.buffer if options.output == "-" else open(options.output, "wb")
    recorder = Recorder(binary, output, scratch)
    try:
        recorder.start()
        recorder.record([case for case in record_cases.CASES if options.only in case.name])
        recorder.finish()
    finally:
        for process in recorder.processes.values():
            process.stop()
        output.flush()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
