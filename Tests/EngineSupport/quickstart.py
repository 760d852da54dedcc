"""The quick start with a real engine: `freeinference serve --executor URL`, and the curl command that it prints."""

import json
import re
import subprocess

from clients import events
from servers import BINARY, PATIENCE_SECONDS, Server, eventually

# The port on which `serve --executor` always listens.
PORT = 8080


class Quickstart(Server):
    """The edge without a configuration file, in front of one engine on a loopback port."""

    def __init__(self, folder, engine):
        self.folder = folder
        command = [BINARY, "serve", "--executor", f"http://127.0.0.1:{engine}"]
        # A private runtime directory, so that the command socket does not collide with that of another server.
        super().__init__("quickstart", folder, command, PORT, {"XDG_RUNTIME_DIR": str(folder)})

    def line(self):
        """The printed curl command, once it is complete."""
        def shown():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.said()}")
            found = re.search(r"try: (curl (?:.*\\\n)*.*'\n)", self.errors.read_text())
            return found and found[1]
        return eventually(shown, "the line to try")

    def tried(self):
        """The output of the printed command, run by a shell."""
        done = subprocess.run(["sh", "-c", self.line()], cwd=self.folder, capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS)
        assert done.returncode == 0, done
        return done.stdout


def assert_streams(case, folder, engine):
    """Checks that the printed command streams a complete response of the engine."""
    server = Quickstart(folder, engine)
    case.addCleanup(server.stop)
    payloads = events(server.tried())
    case.assertEqual(payloads[-1], "[DONE]", payloads)
    said = [choice["delta"].get("content") or ""
            for payload in payloads[:-1] for choice in json.loads(payload)["choices"]]
    case.assertGreater(len("".join(said)), 0, payloads)
    case.assertEqual(server.stop(), 0, server.said())
