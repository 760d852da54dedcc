"""Token streams with the executor on a unix socket or on HTTP/2; HAProxy with TCP for comparison."""

from proxies import BEFORE, OURS

from .scenario import against
from .streams import CONNECTIONS, Streams


class Executors(Streams):
    name = "executors"
    title = "token streams, 400"
    variants = ["unix burst", "unix spread", "h2 burst", "h2 spread"]
    proxies = [OURS, "haproxy"]

    def measure(self, proxy, variant):
        kind, mode = variant.split()
        setting = {}
        if proxy.name in (OURS, BEFORE):
            setting = {"unix": True} if kind == "unix" else {"protocol": "h2"}
        return self.run(proxy, 400 // CONNECTIONS, mode, **setting)

    def row_title(self, variant):
        kind, mode = variant.split()
        where = "a unix socket" if kind == "unix" else "HTTP/2"
        return f"{self.title} {mode}, our executor on {where}, HAProxy's on TCP"

    def targets(self, of):
        return [
            (f"{variant}: CPU a token, of HAProxy's on TCP", against(of, variant, "haproxy"),
             0.65 if variant.startswith("unix") else 0.6)
            for variant in self.variants
        ]
