"""TLS 1.3 handshakes, one connection after the other: full and resumed by tickets, with HTTP/2 SETTINGS and without.

In the variants without, ALPN chooses HTTP/1.1, in which neither side sends anything before the client's close_notify.
"""

import os

from tools.client import Client, HTTP2Connection
from tools.processes import Failed

from .scenario import OTHER_CORE, Scenario, against

FULL, RESUMED = "full", "resumed"
HTTP2 = ", then HTTP/2's SETTINGS both ways"


class Handshakes(Scenario):
    name = "handshakes"
    title = "TLS 1.3 handshakes"
    unit = "us a connection"
    slow_ends = 0
    variants = [FULL, RESUMED, FULL + HTTP2, RESUMED + HTTP2]

    def measure(self, proxy, variant):
        os.sched_setaffinity(0, {OTHER_CORE})
        count = 300 * self.options.seconds
        with self.stand(proxy) as stand:
            client = Client(stand.port, self.certificate, "h2" if variant.endswith(HTTP2) else "http/1.1")
            session = self.connections(client, variant, 100, None)
            before = stand.proxy.cpu()
            self.slow_ends = 0
            self.connections(client, variant, count, session)
            spent = {name: value - before[name] for name, value in stand.proxy.cpu().items()}
        row = {f"{name}_us": 1e6 * value / count for name, value in spent.items()}
        return {"figure": row["run_us"], "connections": count, "ends_above_500_ms": self.slow_ends, **row}

    def connections(self, client, variant, count, session):
        """Makes `count` connections and checks that sessions resume where they should; returns the last ticket."""
        for _ in range(count):
            tls = client.connect(session)
            if tls.session_reused != (session is not None):
                raise Failed("bench: the proxy " + ("does not resume" if session else "resumed unasked"))
            if variant.endswith(HTTP2):
                connection = HTTP2Connection(tls)
                connection.open()
                connection.leave()
            if variant.startswith(RESUMED):
                # A new ticket each time, because some servers accept each ticket only once.
                session = client.ticket(tls, session)
                if session is None:
                    raise Failed("bench: the proxy sends no ticket")
            self.slow_ends += client.end(tls) > 0.5
        return session

    def targets(self, of):
        return [(f"{FULL}: CPU a handshake, of nginx's", against(of, FULL, "nginx"), 1.1)]
