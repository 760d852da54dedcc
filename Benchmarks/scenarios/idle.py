"""Idle TLS and HTTP/2 connections, each after one request; the figure is the growth of the proxy's memory per
connection.
"""

import json
import time

from proxies import OURS
from tools.client import Client, HTTP2Connection
from tools.processes import Failed

from .scenario import Scenario
from .short import BODY

WARM, MANY = 20, 2000


class Idle(Scenario):
    name = "idle"
    title = "idle TLS and HTTP/2 connections"
    unit = "kB a connection"
    variants = [""]
    # One round is enough, because memory hardly varies: five runs were within 0.3 kB of each other.
    rounds_max = 1

    def measure(self, proxy, variant):
        with self.stand(proxy, "--pace", 0, "--prefill", "0ms") as stand:
            client = Client(stand.port, self.certificate, "h2")
            kept = self.open(client, WARM)
            time.sleep(0.5)
            before = stand.proxy.memory()
            kept += self.open(client, MANY)
            time.sleep(1)
            grown = {name: value - before[name] for name, value in stand.proxy.memory().items()}
            # Checks that the connections are still open: the first and the last one answer.
            for connection in (kept[0], kept[-1]):
                self.ask(connection)
            for connection in kept:
                connection.tls.close()
        return {
            "figure": grown["Pss"] / MANY,
            "resident_kb": grown["VmRSS"] / MANY,
            "anonymous_kb": grown["RssAnon"] / MANY,
            "before_kb": before["VmRSS"],
            "connections": MANY,
        }

    def open(self, client, count):
        opened = []
        for _ in range(count):
            connection = HTTP2Connection(client.connect())
            connection.open()
            self.ask(connection)
            opened.append(connection)
        return opened

    def ask(self, connection):
        answer = connection.post("/v1/chat/completions", json.dumps(BODY).encode())
        if b'"chat.completion"' not in answer:
            raise Failed(f"bench: an answer of {answer[:200]}")

    def targets(self, of):
        return [("kB an idle connection", of(OURS, ""), 60)]
