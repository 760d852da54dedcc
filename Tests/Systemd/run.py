#!/usr/bin/env python3
"""FreeInference Edge under a real systemd (`make test-systemd`).

Boots a Debian root of the host's release in a container with a loopback network, and installs binary, unit and
configuration by the commands of docs/operations.md. Then checks what systemd, the kernel, the journal and clients
see. Simulated executors replace the models of the example configuration. Needs root. Downloads the packages of the
root once; the root is kept at .build/systemd-root.
"""

import argparse
import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
import access  # noqa: E402
import activated  # noqa: E402
import image  # noqa: E402
import service  # noqa: E402
import upgraded  # noqa: E402
from failures import Failed  # noqa: E402
from machine import HOME, Machine  # noqa: E402

BIND = 1 << 10  # CAP_NET_BIND_SERVICE
NEEDED = ("debootstrap", "systemd-nspawn", "nsenter", "setpriv", "curl")


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


def show(test):
    """Prints the information that explains a failure."""
    if test.machine.leader is None:
        return
    print("--- the journal: messages, and the last lines of all", file=sys.stderr)
    try:
        journal = "journalctl --boot --no-pager --unit='freeinference.*' --unit='executor-*'"
        shown = test.machine.run(f"{journal} | grep -vF ']: {{' | tail -60; echo; {journal} --lines=10", check=False)
        print(shown.stdout, file=sys.stderr)
    except (Failed, OSError) as error:
        print(f"it cannot be read: {error}", file=sys.stderr)


def run(test, binary, build):
    """Runs all checks; returns True if all passed."""
    began = time.monotonic()
    made = image.prepare(build / "systemd-root", build / "systemd-root.log")
    image.copy(build / "systemd-root", test.machine.root)
    furnish(test, binary)
    test.machine.boot()
    print(f"ok    a Debian root, {'made and ' if made else ''}booted ({time.monotonic() - began:.0f} s)", flush=True)
    count = 0
    for name, check in checks():
        try:
            found = check(test)
        except Failed as failure:
            print(f"FAIL  {name}: {failure}", flush=True)
            show(test)
            return False
        print(f"ok    {name}{f': {found}' if found else ''}", flush=True)
        count += 1
    print(f"test-systemd: {count} checks passed in {time.monotonic() - began:.0f} s")
    return True


def give_up(number, _):
    raise Failed(f"ended by {signal.Signals(number).name}" + (", since its time is over" if number == signal.SIGALRM
                                                              else ""))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--freeinference", type=Path, required=True, help="the release binary")
    arguments.add_argument("--seconds-max", type=int, default=1500, help="gives up after so long (1500)")
    options = arguments.parse_args()
    if os.geteuid() != 0:
        sys.exit("test-systemd: only root may make and boot a Debian root: sudo make test-systemd")
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        sys.exit(f"test-systemd: not installed: {' '.join(missing)} (infrastructure/scripts/setup.sh"
                 " debootstrap systemd-container)")
    if not options.freeinference.exists():
        sys.exit(f"test-systemd: there is no {options.freeinference}: make build")

    repository = Path(__file__).resolve().parents[2]
    build = repository / ".build"
    build.mkdir(exist_ok=True)
    test = Test(repository, build)
    test.machine.log.write_text("")
    held = True
    # On a host without systemd the control groups of containers have fixed names, so only one run at a time is
    # possible.
    with open("/run/lock/freeinference-test-systemd", "w", encoding="ascii") as lock:
        for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, give_up)
        signal.alarm(options.seconds_max)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = run(test, options.freeinference.resolve(), build)
        except Failed as failure:
            print(f"FAIL  {failure}", flush=True)
            show(test)
            held = False
        finally:
            signal.alarm(0)
            test.machine.kill()
            image.discard(test.machine.root)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
