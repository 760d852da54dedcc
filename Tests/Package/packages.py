"""Copies of the package with another version, as upgrades need them."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from failures import expect

NEWER, BROKEN = "90.0.0-1", "91.0.0-1"
# A line that only the newer package's configuration file has. So an upgrade finds two different files, and dpkg has
# to keep the operator's one.
ADDITION = "# An example of a newer version.\n"
CONFIGURATION = "etc/freeinference/freeinference.yaml"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def symbols_of(package: Path):
    """The package with the debug information, which lies beside the package."""
    found = list(package.parent.glob("freeinference-dbgsym_*.deb"))
    expect(len(found) == 1, f"not one freeinference-dbgsym in {package.parent}")
    return found[0]


def version(package: Path):
    return run("dpkg-deb", "--field", str(package), "Version").strip()


def binary(package: Path, place: Path):
    """Copies the binary out of the package."""
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        run("dpkg-deb", "--extract", str(package), folder)
        shutil.copy2(Path(folder) / "usr/bin/freeinference", place)


def copies(package: Path, home: Path):
    """Makes newer.deb, which has another example, and broken.deb, whose binary can ask for an upgrade, but not serve."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        tree = Path(folder) / "tree"
        run("dpkg-deb", "--raw-extract", str(package), str(tree))
        example = tree / CONFIGURATION
        example.write_text(example.read_text() + ADDITION)
        build(tree, NEWER, home / "newer.deb")
        program = tree / "usr/bin/freeinference"
        program.rename(tree / "usr/lib/freeinference-works")
        program.write_text('#!/bin/sh\n[ "$1" = upgrade ] && exec /usr/lib/freeinference-works "$@"\n'
                           "echo this one is broken >&2\nexit 1\n")
        program.chmod(0o755)
        build(tree, BROKEN, home / "broken.deb")


def build(tree: Path, number: str, place: Path):
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {number}", control.read_text()))
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(place))
