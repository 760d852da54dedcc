"""The interface of a scenario: what it measures with a proxy, in which variants, and its target figures."""

import contextlib
import tempfile
from pathlib import Path

from proxies import BEFORE, OURS, Setting
from tools import certificate as tls
from tools.processes import Process, free_port

PROXY_CORE, OTHER_CORE = 0, 1
# The largest delays of tokens with which a measurement counts as undisturbed, in ms: for the median, and for the 99th
# percentile. The fastest streams send a token every 20 ms.
LATE_MS, LAST_LATE_MS = 20, 100


class Stand:
    """A running proxy and its executor."""

    def __init__(self, folder, port, certificate):
        self.folder, self.port, self.certificate = folder, port, certificate
        self.url = f"https://127.0.0.1:{port}"
        self.executor = self.proxy = self.executor_port = self.api_key = self.spare_port = None
        self.started = []


class Scenario:
    name = ""
    title = ""
    # The unit of the figure, and the number of decimal places in the table.
    unit = ""
    places = 1
    variants = []
    # The names of the proxies that are measured; None measures all.
    proxies = None
    rounds_max = 1000
    # The TLS parameters that each proxy negotiates with a client that has OpenSSL's defaults; shared by all scenarios.
    negotiated = {}

    def __init__(self, options, certificate, key):
        self.options, self.certificate, self.key = options, certificate, key

    def measures(self, proxy):
        if proxy == BEFORE and not self.options.before:
            return False
        return self.proxies is None or proxy in self.proxies or proxy == BEFORE and OURS in self.proxies

    def measure(self, proxy, variant):
        """Makes one measurement with new processes; returns a dictionary with "figure" and details."""
        raise NotImplementedError

    def disturbance(self, row):
        """The reason why a measurement is not comparable, because other programs used these cores; None if it is.

        Tokens that are late by a whole period arrive together, and cost less.
        """
        if row.get("p50_ms", 0) > LATE_MS or row.get("p99_ms", 0) > LAST_LATE_MS:
            return f"disturbed: half of the tokens {row['p50_ms']:.0f} ms late, one in a hundred {row['p99_ms']:.0f} ms"
        return None

    def targets(self, of):
        """The targets as (what, figure, limit); `of(proxy, variant)` is a median, or None."""
        return []

    def targets_of_before(self, of):
        """The limits for the cost of a change; only if an earlier binary was measured in the same run."""
        found = [(variant, against(of, variant, BEFORE)) for variant in self.variants]
        return [(f"{variant or 'all'}: of the binary of before", figure, 1.03) for variant, figure in found if figure]

    def row_title(self, variant):
        return f"{self.title}, {variant}" if variant else self.title

    @contextlib.contextmanager
    def stand(self, proxy, *executor_arguments, unix=False, protocol=None, workers=1, gateway=False,
              cores=(PROXY_CORE, OTHER_CORE)):
        """Starts an executor and the proxy in front of it; stops both, and everything that the block started, after
        the block.
        """
        proxy_core, other_core = cores
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            stand = Stand(folder, free_port(), self.certificate)
            try:
                listen = free_port()
                address, url = f"127.0.0.1:{listen}", f"http://127.0.0.1:{listen}"
                if unix:
                    listen = str(folder / "executor")
                    address = url = f"unix:{listen}"
                command = [self.options.executor, "executor", "--listen", address, "--model", "demo"]
                stand.executor = Process(other_core, [*command, *executor_arguments], folder, "executor")
                stand.started.append(stand.executor)
                stand.executor.ready(listen)
                stand.executor_port = None if unix else listen
                setting = Setting(
                    folder=folder,
                    port=stand.port,
                    spare_port=free_port(),
                    executor=url,
                    certificate=self.certificate,
                    key=self.key,
                    protocol=protocol,
                    workers=workers,
                    gateway=gateway,
                )
                stand.proxy = Process(proxy_core, proxy.command(setting), folder, proxy.name)
                stand.api_key, stand.spare_port = setting.api_key, setting.spare_port
                stand.started.append(stand.proxy)
                stand.proxy.ready(stand.port, patience=20)
                proxy.wait(setting)
                if proxy.name not in self.negotiated:
                    self.negotiated[proxy.name] = tls.negotiated(stand.port, self.certificate)
                yield stand
            finally:
                for process in reversed(stand.started):
                    process.stop()


def ratio(of, variant, proxy, other, other_variant=None):
    ours, theirs = of(proxy, variant), of(other, other_variant or variant)
    return ours / theirs if ours is not None and theirs else None


def against(of, variant, other):
    return ratio(of, variant, OURS, other)
