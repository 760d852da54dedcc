"""The clients of the benchmark of upgrades, each kind in a process of its own that reports what it has seen.

A fault is what the server must not do. What a client may safely repeat by the rules of its protocol is counted apart,
and only these rules count: an HTTP/2 request above the last stream of the final GOAWAY, or with REFUSED_STREAM. An
HTTP/1.1 request is never repeated: if the client had not seen the end of the connection when it sent, whatever comes
back other than a whole response is a fault. A connection that was seen to end before the request was sent is counted
in `closed_idle`, and the request goes to another one.
"""

import asyncio
import collections
import random
import socket
import ssl
import threading
import time

import wire


class Report(collections.Counter):
    """Counts of what one client process has seen, and its first faults."""

    def __init__(self):
        super().__init__()
        self.faults = []

    def fault(self, kind, error):
        self["faults"] += 1
        if len(self.faults) < 20:
            self.faults.append(f"{kind}: {error}")


class Clients:
    """What the clients of one process share: the server, the settings, the report."""

    def __init__(self, settings, stop):
        self.settings, self.stop, self.report = settings, stop, Report()
        self.target = ("127.0.0.1", settings["tls"])
        self.random = random.Random(settings["seed"])
        self.contexts = {name: wire.context(settings["authority"], name) for name in ("h2", "http/1.1")}

    def over(self):
        return self.stop.is_set()

    def length(self):
        """How long a stream takes, in seconds: over before its process is the oldest of those that drain."""
        return self.random.uniform(0.5, 2) * self.settings["interval"]

    def check(self, kind, good, answer):
        if not good or not answer.rstrip().endswith((b"[DONE]", b"}")):
            self.report.fault(kind, f"a wrong answer: {good} {answer[-200:]!r}")
        self.report[kind] += 1

    # -- Streams over HTTP/1.1: one connection each

    async def stream_http1(self):
        connection = None
        while not self.over():
            try:
                if connection is None or not connection.is_open:
                    connection = wire.HTTP1(self.target, self.contexts["http/1.1"])
                    await connection.open()
                status, answer = await connection.request(wire.body("demo", self.length()))
                self.check("streams_http1", status == 200 and answer.rstrip().endswith(b"[DONE]"), answer)
            except wire.Fault as error:
                self.report.fault("stream", error)
                connection = None
                await asyncio.sleep(0.1)

    # -- Streams over HTTP/2: many on a connection, and a new one replaces each that ends

    async def streams_http2(self, count):
        lane = {"connection": None, "opening": asyncio.Lock()}
        await asyncio.gather(*(self._stream_http2(lane) for _ in range(count)))

    async def _stream_http2(self, lane):
        while not self.over():
            try:
                async with lane["opening"]:
                    connection = lane["connection"]
                    if connection is None or not connection.takes_streams:
                        connection = lane["connection"] = wire.HTTP2(self.target, self.contexts["h2"])
                        await connection.open()
                good, answer = await connection.request(wire.body("demo", self.length()))
                self.check("streams_http2", good and answer.rstrip().endswith(b"[DONE]"), answer)
            except wire.Unprocessed:
                self.report["unprocessed"] += 1
            except wire.Fault as error:
                self.report.fault("stream", error)
                await asyncio.sleep(0.1)

    # -- Keep-alive connections that send requests at random times, some of them just when the old process closes them

    async def keep_alive(self, model, key=None, think=None):
        connection = None
        think = think or self.settings["interval"]
        while not self.over():
            await asyncio.sleep(self.random.uniform(0, think))
            try:
                if connection is not None and not connection.is_open and connection.reader is not None:
                    self.report["closed_idle"] += 1
                if connection is None or not connection.is_open:
                    connection = wire.HTTP1(self.target, self.contexts["http/1.1"])
                    await connection.open()
                status, answer = await connection.request(wire.body(model, 0.05, stream=False, pace=100), key)
                # This key has a limit for requests at once, and a 429 is the correct answer beyond it.
                if key is not None and status == 429:
                    self.report["over_key_limit"] += 1
                else:
                    self.check(f"keep_alive_{model}", status == 200, answer)
            except wire.Fault as error:
                self.report.fault("keep-alive", error)
                connection = None

    # -- HTTP/2 clients that ignore the first GOAWAY (the notice), and open streams until the final one

    async def until_goaway(self):
        running = set()
        while not self.over():
            connection = wire.HTTP2(self.target, self.contexts["h2"], heeds_notice=False)
            try:
                await connection.open()
            except wire.Fault as error:
                self.report.fault("until GOAWAY", error)
                await asyncio.sleep(0.1)
                continue
            while connection.takes_streams and not self.over():
                task = asyncio.create_task(self._one_until_goaway(connection))
                running.add(task)
                task.add_done_callback(running.discard)
                await asyncio.sleep(0.04)
            self.report["goaways"] += 1
        await asyncio.gather(*running)

    async def _one_until_goaway(self, connection):
        try:
            good, answer = await connection.request(wire.body("demo", 0.2, pace=10))
            self.check("until_goaway", good, answer)
        except wire.Unprocessed:
            self.report["unprocessed"] += 1
        except wire.Fault as error:
            self.report.fault("until GOAWAY", error)

    # -- New connections that resume the TLS session of an earlier one

    def new_connections(self):
        session = None
        context = ssl.create_default_context(cafile=self.settings["authority"])
        request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        while not self.over():
            try:
                with socket.create_connection(self.target, timeout=60) as plain:
                    with context.wrap_socket(plain, server_hostname="localhost", session=session) as secure:
                        secure.sendall(request)
                        answer = b""
                        while data := secure.recv(65536):
                            answer += data
                        if not answer.startswith(b"HTTP/1.1 200"):
                            raise wire.Fault(f"answered {answer[:200]!r}")
                        self.report["new"] += 1
                        if session is not None:
                            self.report["resumed" if secure.session_reused else "not_resumed"] += 1
                        session = secure.session
            except (OSError, wire.Fault) as error:
                self.report.fault("new connection", repr(error))
                session = None
            time.sleep(0.02)


async def load(clients, kind, count):
    settings = clients.settings
    if kind == "http1":
        await asyncio.gather(*(clients.stream_http1() for _ in range(count)))
    elif kind == "http2":
        lanes = max(1, min(8, count // 10))
        await asyncio.gather(*(clients.streams_http2(count // lanes) for _ in range(lanes)))
    else:
        tasks = [clients.keep_alive("demo") for _ in range(count)]
        # These clients pause at most 50 ms, so that more of them ask at once than `max_running` and the key's limit
        # allow.
        tasks += [clients.keep_alive("limited", think=0.05) for _ in range(12)]
        tasks += [clients.keep_alive("keyed", key=settings["key"], think=0.05) for _ in range(6)]
        tasks += [clients.until_goaway() for _ in range(3)]
        await asyncio.gather(*tasks)


def run(kind, count, settings, stop, results):
    """The main function of a client process: runs until `stop` is set, then reports."""
    clients = Clients(settings, stop)
    if kind == "new":
        threads = [threading.Thread(target=clients.new_connections) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        asyncio.run(load(clients, kind, count))
    results.put((kind, dict(clients.report), clients.report.faults))
