"""Clients of the server in the container: programs of the host that enter only the container's network."""

import json
import re
import subprocess
import threading
import time
from pathlib import Path

from failures import Failed, expect

PROMPT = "A prompt that no journal may hold."


class Stream:
    """A streamed chat completion by curl, with the arrival time of each event."""

    def __init__(self, machine, model, tokens, name, secure=True, authority=None, protocol=None, base=None,
                 seconds_max=60):
        base = base or ("https://127.0.0.1" if secure else "http://127.0.0.1")
        protocol = protocol or ("--http2" if secure else "--http1.1")
        body = {"model": model, "stream": True, "max_tokens": tokens, "messages": [{"role": "user", "content": PROMPT}]}
        trust = ["--cacert", str(authority)] if secure else []
        self.name = name
        self.tokens = tokens
        self.events = []
        self._changed = threading.Condition()
        self._curl = subprocess.Popen(
            machine.network(["curl", "--silent", "--show-error", "--no-buffer", "--noproxy", "*",
                             "--max-time", str(seconds_max), protocol, *trust, "--write-out", "%{stderr}%{http_version} %{http_code}\n",
                             "--header", "content-type: application/json", "--header", f"x-request-id: {name}",
                             "--data", json.dumps(body), f"{base}/v1/chat/completions"]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._curl.stdout:
            if line.startswith("data: "):
                with self._changed:
                    self.events.append((time.monotonic(), line[6:].rstrip("\n")))
                    self._changed.notify_all()

    def flowing(self, within=15):
        """Waits until tokens arrive."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.events) >= 3, within)
        if not came:
            self._curl.kill()
            raise Failed(f"{self.name}: no tokens within {within} s: {self._curl.communicate()[1]}")
        return self

    def ending(self, within=65):
        """curl's exit status, and its report about the response."""
        try:
            status = self._curl.wait(within)
        except subprocess.TimeoutExpired as expired:
            self._curl.kill()
            raise Failed(f"{self.name}: no end within {within} s") from expired
        self._reader.join(5)
        return status, self._curl.stderr.read().strip()

    @property
    def texts(self):
        return [text for _, text in self.events]

    def contents(self):
        """How many events carried text."""
        found = 0
        for text in self.texts:
            if text != "[DONE]":
                for choice in json.loads(text).get("choices", []):
                    found += bool(choice.get("delta", {}).get("content"))
        return found

    def expect_whole(self, version):
        """Checks that the stream is complete, without an error, and used this HTTP version."""
        status, said = self.ending()
        expect(status == 0, f"{self.name}: curl ended with {status}: {said}")
        expect(said == f"{version} 200", f"{self.name}: not HTTP/{version} and 200 but {said}")
        expect(self.texts and self.texts[-1] == "[DONE]", f"{self.name}: ended without [DONE]: {self.texts[-1:]}")
        expect(self.contents() == self.tokens, f"{self.name}: {self.contents()} of {self.tokens} tokens")

    def expect_one_by_one(self):
        """Checks that the events arrived at the executor's pace, and not all at once."""
        spread = self.events[-1][0] - self.events[0][0]
        # The executor sends 20 tokens a second. The events must arrive over at least half of the time that this takes.
        expect(spread > self.tokens / 20 / 2, f"{self.name}: all events within {spread:.3f} s")

    def expect_broken(self, error):
        """Checks that the stream did not end cleanly; `error` is the code of its last event, None for no error event.
        """
        status, said = self.ending()
        expect(status != 0, f"{self.name}: curl took a cut stream for a whole one: {said}")
        expect("[DONE]" not in self.texts, f"{self.name}: a cut stream has [DONE]")
        expect(0 < self.contents() < self.tokens, f"{self.name}: {self.contents()} of {self.tokens} tokens")
        if error is not None:
            last = json.loads(self.texts[-1])
            kind = last.get("error", {}).get("metadata", {}).get("error_type")
            expect(kind == error, f"{self.name}: the last event is no {error}: {last}")


class Knocking:
    """Opens connections at a steady pace until it is stopped, with one request on each (knock.py)."""

    def __init__(self, machine, authority):
        script = Path(__file__).with_name("knock.py")
        self._process = subprocess.Popen(machine.network(["python3", "-B", str(script), str(authority)]),
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        expect(self._process.stdout.readline().strip() == "knocking", "the knocking client did not start")

    def ending(self, within=60):
        """The outcomes and how often each was seen: `200`, `refused`, `reset`, ..."""
        try:
            output, _ = self._process.communicate("", within)
        except subprocess.TimeoutExpired as expired:
            self._process.kill()
            raise Failed(f"knocking has not ended within {within} s") from expired
        return json.loads(output)


def get(machine, url, *arguments, timeout=30):
    """One request by curl: its exit status, and the response's status and body."""
    ended = subprocess.run(
        machine.network(["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", str(timeout),
                         "--write-out", "\n%{http_code}", *arguments, url]),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout + 10)
    body, _, status = ended.stdout.rpartition("\n")
    return ended.returncode, status, body


def executors(example: Path):
    """The executors of the example configuration: their addresses, and their model names."""
    found = re.findall(r"- url: (\S+)\n\s+model: (\S+)", example.read_text())
    expect(len(found) == 3, f"{example}: three executors with a model were expected: {found}")
    return [(url.removeprefix("http://"), model) for url, model in found]
