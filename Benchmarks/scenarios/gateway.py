"""The cost of keys, limits, admission, metrics and the access log: without them, and with all of them.

In the second variant HAProxy writes its access log. The metrics are requested once a second.
"""

import contextlib
import threading
import time
import urllib.request
from http.client import HTTPException

from proxies import OURS
from tools.processes import Failed

from .scenario import against, ratio
from .short import Short
from .streams import Streams

BARE, FULL = "bare", "as a gateway"


@contextlib.contextmanager
def scraped(port):
    """Requests the metrics once a second until the block ends; a failure ends the measurement."""
    over, failures = threading.Event(), []

    def scrape():
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    if b"freeinference_exchanges_total" not in answer.read():
                        failures.append("no metrics in it")
            except (OSError, HTTPException) as failure:
                failures.append(str(failure))
            if over.wait(1):
                return

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise Failed(f"bench: /metrics: {failures[0]}")


def logged(proxy):
    """The number of exchanges in the access log so far."""
    with open(proxy.log, "rb") as log:
        return sum(b"/v1/chat/completions" in line for line in log)


class Gateway:
    """A scenario in two variants, without and with all features."""

    variants = [BARE, FULL]
    proxies = [OURS, "haproxy"]
    # The least number of exchanges that the log must contain at the end.
    exchanges = 0

    def measure(self, proxy, variant):
        self.everything = variant == FULL
        return super().measure(proxy, self.load)

    @contextlib.contextmanager
    def stand(self, proxy, *arguments, **setting):
        with super().stand(proxy, *arguments, gateway=self.everything, **setting) as stand:
            with scraped(stand.spare_port) if stand.api_key else contextlib.nullcontext():
                yield stand
            lines, deadline = logged(stand.proxy), time.monotonic() + 2
            while self.everything and lines < self.exchanges and time.monotonic() < deadline:
                time.sleep(0.1)
                lines = logged(stand.proxy)
            if lines < self.exchanges if self.everything else lines:
                raise Failed(f"bench: {lines} lines in the log of {proxy.name}")

    def row_title(self, variant):
        return f"{self.title}, {variant}"


class GatewayStreams(Gateway, Streams):
    name = "gateway-streams"
    title = "token streams, 400 spread"
    load = "400 spread"
    exchanges = 400

    def targets(self, of):
        return [(f"CPU a token {FULL}, of that {BARE}", ratio(of, FULL, OURS, OURS, BARE), 1.1)]


class GatewayShort(Gateway, Short):
    name = "gateway-short"
    load = ""

    @property
    def exchanges(self):
        return self.requests

    def targets(self, of):
        return [(f"CPU a request {FULL}, of HAProxy's with its log", against(of, FULL, "haproxy"), 1.3)]
