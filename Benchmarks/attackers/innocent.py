#!/usr/bin/env python3
"""The short requests of the well-behaved client, in its network namespace; run.py starts it, and ends it by its stdin.

Prints JSON: for each request when it was begun (CLOCK_MONOTONIC, seconds), its duration in milliseconds, and what went
wrong, or null. With --fresh each request has a connection of its own; else all of them have one, as long as it lasts.
"""

import argparse
import contextlib
import json
import select
import socket
import ssl
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools.attacking import ask, request, short  # noqa: E402

PATIENCE_SECONDS = 10


class Client:
    def __init__(self, options):
        self.options, self.connection = options, None
        self.context = ssl.create_default_context(cafile=options.ca)
        self.context.set_alpn_protocols(["http/1.1"])
        self.message = request(short(), options.key)

    def connect(self):
        plain = socket.create_connection((self.options.server, self.options.port), PATIENCE_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.connection = self.context.wrap_socket(plain, server_hostname=self.options.server)
        except OSError:
            plain.close()
            raise

    def close(self):
        if self.connection:
            with contextlib.suppress(OSError):
                self.connection.close()
        self.connection = None

    def measure(self):
        """One request; returns when it was begun, how long it took, and its fault."""
        begun, fault = time.monotonic(), None
        try:
            if self.connection is None:
                self.connect()
            status = ask(self.connection, self.message)
            fault = None if status == 200 else f"status {status}"
        except OSError as error:
            fault = f"{type(error).__name__}: {error}"
        taken = time.monotonic() - begun
        if fault or self.options.fresh:
            self.close()
        return begun, taken * 1000, fault


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="its address")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--pause", type=float, required=True, help="seconds between two requests")
    parser.add_argument("--fresh", action="store_true", help="a connection for each request")
    options = parser.parse_args()
    client, measured = Client(options), []
    while not select.select([sys.stdin], [], [], options.pause)[0]:
        measured.append(client.measure())
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main()
