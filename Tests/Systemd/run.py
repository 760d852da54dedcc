#!/usr/bin/env python3
"""FreeInference Edge under a real systemd (`make test-systemd`).

Boots a Debian root of the host's release in a container with a loopback network, and installs binary, unit and
configuration by the commands of docs/operations.md. Then checks what systemd, the kernel, the journal and clients
see. Simulated executors replace the models of the example configuration. Needs root. Downloads the packages of the
root once; the root is kept at .build/systemd-root.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
import access  # noqa: E402
import activated  # noqa: E402
import harness  # noqa: E402
import image  # noqa: E402
import service  # noqa: E402
import upgraded  # noqa: E402
from machine import HOME, Machine  # noqa: E402

BIND = 1 << 10  # CAP_NET_BIND_SERVICE


class Test:
    """The state that the checks share."""

    home = HOME

    def __init__(self, repository: Path, build: Path):
        self.repository = repository
        self.guide = repository / "docs/operations.md"
        self.machine = Machine(build / "systemd-machine", build / "systemd-machine.log")
        self.authority = self.machine.root / HOME.lstrip("/") / "ca.pem"


def checks():
    """The checks in their order; each continues from the state that the previous one left."""
    yield "executors start", service.start_executors
    yield "the installation of docs/operations.md", service.install
    yield "confined, with the bind capability", lambda test: service.confined(test, BIND, 16)
    yield "streams on ports 80 and 443", lambda test: service.streams(test, "first")
    yield "stop in the midst of streams", service.drain
    yield "SIGKILL in the midst of streams", service.kill
    yield "a bad configuration", service.bad_configuration
    yield "reload in the midst of streams", service.reload
    yield "ten upgrades under streams and new connections", upgraded.upgrades
    yield "an upgrade that fails", upgraded.failed
    yield "SIGKILL of the new main process", upgraded.killed
    yield "reload while an older process drains", upgraded.reloaded
    yield "restart while older processes drain", upgraded.restarted
    yield "stop while an older process drains", upgraded.stopped
    yield "its keys", access.keys
    yield "unix listeners", access.unix_listener
    yield "the journal", service.discreet
    yield "started at boot", service.boots
    yield "its sockets", activated.install
    yield "confined, without any capability", lambda test: service.confined(test, 0, 12)
    yield "streams on inherited sockets", lambda test: service.streams(test, "inherited")
    yield "workers share the sockets", activated.crowd
    yield "restart under new connections", activated.restart
    yield "upgrades on inherited sockets", upgraded.inherited
    yield "SIGKILL under new connections", activated.kill
    yield "a bad configuration while a client waits", activated.bad_configuration
    yield "a socket that no listener has", activated.another_address
    yield "the journal with sockets", service.discreet
    yield "sockets started at boot", service.boots
    yield "both stopped", activated.stop


def furnish(test, binary):
    """Copies the parts of the repository that the commands of docs/operations.md use."""
    home = test.machine.root / HOME.lstrip("/")
    shutil.copytree(test.repository / "infrastructure", home / "infrastructure")
    (home / ".build/release").mkdir(parents=True)
    shutil.copy2(binary, home / ".build/release/freeinference")


def run(test, binary, build):
    """Runs all checks; returns True if all passed."""
    began = time.monotonic()
    made = image.prepare(build / "systemd-root", build / "systemd-root.log")
    image.copy(build / "systemd-root", test.machine.root)
    furnish(test, binary)
    test.machine.boot()
    print(f"ok    a Debian root, {'made and ' if made else ''}booted ({time.monotonic() - began:.0f} s)", flush=True)
    count = harness.perform(test, checks())
    if count is None:
        return False
    print(f"test-systemd: {count} checks passed in {time.monotonic() - began:.0f} s")
    return True


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--freeinference", type=Path, required=True, help="the release binary")
    arguments.add_argument("--seconds-max", type=int, default=1500, help="gives up after so long (1500)")
    options = arguments.parse_args()
    harness.require("test-systemd")
    if not options.freeinference.exists():
        sys.exit(f"test-systemd: there is no {options.freeinference}: make build")

    repository = Path(__file__).resolve().parents[2]
    test = Test(repository, harness.folder(repository))
    binary = options.freeinference.resolve()
    harness.hold(test, options.seconds_max, lambda: run(test, binary, harness.folder(repository)))


if __name__ == "__main__":
    main()
