#!/usr/bin/env python3
"""The Debian package under dpkg, apt and a real systemd (`make test-deb`).

Boots a Debian root of the host's release in a container with a loopback network, as Tests/Systemd does, and has apt
install, upgrade, downgrade, remove and purge the package, with streams under way where a server runs. The newer
packages are copies of the one that is tested, with another version. Needs root.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Systemd"))
import harness  # noqa: E402
import image  # noqa: E402
import installation  # noqa: E402
import packages  # noqa: E402
import upgrades  # noqa: E402
from machine import HOME, Machine  # noqa: E402


class Test:
    """The state that the checks share."""

    def __init__(self, repository: Path, build: Path, package: Path):
        self.repository = repository
        self.machine = Machine(build / "package-machine", build / "package-machine.log")
        self.home = self.machine.root / HOME.lstrip("/")
        self.package = package


def checks():
    """The checks in their order; each continues from the state that the previous one left."""
    yield "an executor starts", installation.start_executor
    yield "installing", installation.install
    yield "the files of the package", installation.files
    yield "the debug information", installation.debug_information
    yield "it does not start as it is installed", installation.refuses
    yield "two lines are edited, and it streams", installation.edit
    yield "its keys", installation.keys
    yield "upgrading under streams: they are whole", upgrades.newer
    yield "upgrading under streams: the new one is running", upgrades.runs_what_is_installed
    yield "a package whose binary cannot serve", upgrades.broken
    yield "rolling back under streams: they are whole", upgrades.older
    yield "rolling back under streams: the old one is running", upgrades.runs_what_is_installed
    yield "a restart", upgrades.restart
    yield "a unit that is not of the package", upgrades.foreign_unit
    yield "removing", installation.remove
    yield "installing again", installation.again
    yield "purging", installation.purge


def furnish(test):
    """Copies the packages, and a binary for the executor, into the machine."""
    test.home.mkdir(parents=True)
    shutil.copy2(test.package, test.home / "first.deb")
    symbols = packages.symbols_of(test.package)
    shutil.copy2(symbols, test.home / "dbgsym.deb")
    packages.copies(test.package, test.home)
    packages.binary(test.package, test.home / "executor")


def run(test, build):
    """Runs all checks; returns True if all passed."""
    began = time.monotonic()
    made = image.prepare(build / "systemd-root", build / "systemd-root.log")
    image.copy(build / "systemd-root", test.machine.root)
    furnish(test)
    test.machine.boot()
    print(f"ok    a Debian root, {'made and ' if made else ''}booted ({time.monotonic() - began:.0f} s)", flush=True)
    count = harness.perform(test, checks(), harmless=(upgrades.runs_what_is_installed,))
    if count is None:
        return False
    print(f"test-deb: {count} checks passed in {time.monotonic() - began:.0f} s")
    return True


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--packages", type=Path, required=True, help="the folder of the packages")
    arguments.add_argument("--seconds-max", type=int, default=900, help="gives up after so long (900)")
    options = arguments.parse_args()
    harness.require("test-deb")
    found = list(options.packages.glob("freeinference_*.deb"))
    if len(found) != 1:
        sys.exit(f"test-deb: not one package of freeinference in {options.packages}: make deb")
    repository = Path(__file__).resolve().parents[2]
    build = harness.folder(repository)
    test = Test(repository, build, found[0].resolve())
    harness.hold(test, options.seconds_max, lambda: run(test, build))


if __name__ == "__main__":
    main()
