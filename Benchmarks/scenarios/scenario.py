"""What a scenario is: what it does with a proxy, in which variants, and which figures are asked of it."""

import contextlib
import tempfile
from pathlib import Path

from proxies import BEFORE, OURS, Setting
from tools import certificate as tls
from tools.processes import Process, free_port

PROXY_CORE, OTHER_CORE = 0, 1
# A period of the fast streams, for half of the tokens; and five, for one in a hundred.
LATE_MS, LAST_LATE_MS = 20, 100


class Stand:
    """A proxy and its executor, both running."""

    def __init__(self, folder, port, certificate):
        self.folder, self.port, self.certificate = folder, port, certificate
        self.url = f"https://127.0.0.1:{port}"
        self.executor = self.proxy = self.executor_port = self.api_key = self.spare_port = None
        self.started = []


class Scenario:
    name = ""
    title = ""
    # What the figure is called, and to how many places it is shown.
    unit = ""
    places = 1
    variants = []
    # Names of the proxies that are measured; None is all.
    proxies = None
    rounds_max = 1000
    # What each proxy negotiates with a client of OpenSSL's preferences; of all scenarios.
    negotiated = {}

    def __init__(self, options, certificate, key):
        self.options, self.certificate, self.key = options, certificate, key

    def measures(self, proxy):
        if proxy == BEFORE and not self.options.before:
            return False
        return self.proxies is None or proxy in self.proxies or proxy == BEFORE and OURS in self.proxies

    def measure(self, proxy, variant):
        """One measurement with fresh processes: a dictionary whose "figure" is the scenario's; the rest explains it."""
        raise NotImplementedError

    def disturbance(self, row):
        """Why a measurement is not to be compared: what else ran on these cores has changed what was measured.

        Tokens that come a whole period late come together, and cost less.
        """
        if row.get("p50_ms", 0) > LATE_MS or row.get("p99_ms", 0) > LAST_LATE_MS:
            return f"disturbed: half of the tokens {row['p50_ms']:.0f} ms late, one in a hundred {row['p99_ms']:.0f} ms"
        return None

    def targets(self, of):
        """(what, the figure, at most) of the issue; `of(proxy, variant)` is a median, or None."""
        return []

    def targets_of_before(self, of):
        """What a change may cost at most; only where an earlier binary was measured in the same run."""
        found = [(variant, against(of, variant, BEFORE)) for variant in self.variants]
        return [(f"{variant or 'all'}: of the binary of before", figure, 1.03) for variant, figure in found if figure]

    def row_title(self, variant):
        return f"{self.title}, {variant}" if variant else self.title

    @contextlib.contextmanager
    def stand(self, proxy, *executor_arguments, unix=False, protocol=None, workers=1, gateway=False,
              cores=(PROXY_CORE, OTHER_CORE)):
        """An executor and the proxy before it; both are ended after the block, and whatever the block has started."""
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
