"""CPU per token for one worker, for two with the same load, and for two with twice the load, which share their cores
with it.
"""

from proxies import OURS
from tools.load import token_streams

from .scenario import Scenario, ratio

ALL = "0,1"
ONE, TWO, TWICE = "1 worker, 8 x 50", "2 workers, 8 x 50", "2 workers, 16 x 50"


class Workers(Scenario):
    name = "workers"
    title = "token streams, spread, cores shared with the load"
    unit = "us a token"
    places = 2
    variants = [ONE, TWO, TWICE]
    proxies = [OURS]

    def measure(self, proxy, variant):
        options = self.options
        workers, connections = int(variant.split()[0]), int(variant.split()[2])
        with self.stand(proxy, "--pace", 50, "--spread", workers=workers, cores=(ALL, ALL)) as stand:
            row = token_streams(
                stand.proxy, stand.executor, options.freeinference, stand.url, self.certificate, stand.folder,
                connections, 50, options.warmup, options.seconds, ALL, started=stand.started,
            )
        return {"figure": row["cpu_us"], **row}

    def targets(self, of):
        return [
            (f"CPU a token at {more}, of that at {ONE}", ratio(of, more, OURS, OURS, ONE), 1.1)
            for more in (TWO, TWICE)
        ]
