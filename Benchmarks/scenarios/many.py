"""20,000 tokens a second, by many slow streams and by few fast ones."""

from proxies import OURS
from tools.load import token_streams

from .scenario import OTHER_CORE, Scenario, ratio

FEW, MANY = "4 x 100 of 50/s", "8 x 1000 of 2.5/s"


class Many(Scenario):
    name = "many"
    title = "token streams"
    unit = "us a token"
    places = 2
    variants = [FEW, MANY]
    proxies = [OURS, "haproxy"]

    def measure(self, proxy, variant):
        options = self.options
        if variant == FEW:
            connections, streams, warmup, executor = 4, 100, options.warmup, ["--pace", 50, "--spread"]
        else:
            # The executor times the tokens of each slow stream from the stream's begin. The streams begin at different
            # times, so their tokens are spread without `--spread`.
            connections, streams, warmup, executor = 8, 1000, max(8, options.warmup), ["--pace", 2.5]
        with self.stand(proxy, *executor) as stand:
            row = token_streams(
                stand.proxy, stand.executor, options.freeinference, stand.url, self.certificate, stand.folder,
                connections, streams, warmup, options.seconds, OTHER_CORE, started=stand.started,
            )
        return {"figure": row["cpu_us"], **row}

    def targets(self, of):
        return [(f"CPU a token at {MANY}, of that at {FEW}", ratio(of, MANY, OURS, OURS, FEW), 1.25)]
