"""The Debian root that the tests boot: made once by debootstrap, kept, and copied for each run."""

import os
import shutil
import subprocess
from pathlib import Path

from failures import Failed

# The libraries that the server's binary needs, and the programs that docs/operations.md uses. No compiler and no Swift,
# so that the test shows that the server runs without them.
PACKAGES = [
    "systemd", "systemd-sysv", "dbus", "sudo", "iproute2", "curl", "libssl3", "libnghttp2-14", "libsimdjson14",
    "libstdc++6", "libc-ares2", "libsqlite3-0", "zlib1g", "libzstd1",
]


def release():
    """The code name of the host's Debian release; the root uses the same, so that the binary finds its libraries."""
    words = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return words["VERSION_CODENAME"].strip('"')


def mirror(codename):
    """The URL of the Debian mirror that apt uses on the host."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)",
               "Created-By: Packages"]

    def find():
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            origin, name, component, uri = line.split("|")
            if (origin, name, component) == ("Debian", codename, "main"):
                return uri
        return None

    found = find()
    if found is None:
        # A fresh image often has no package lists.
        subprocess.run(["apt-get", "update", "-qq"], check=True, timeout=300)
        found = find()
    if found is None:
        raise Failed(f"no source of apt has Debian {codename}, main")
    return found


def proxies():
    """The proxies of apt's configuration, as environment variables for debootstrap."""
    environment = dict(os.environ)
    for scheme in ("http", "https"):
        shell = subprocess.run(["apt-config", "shell", "PROXY", f"Acquire::{scheme}::Proxy"], check=True,
                               capture_output=True, text=True).stdout.strip()
        if shell.startswith("PROXY='") and shell[7:-1] not in ("", "DIRECT"):
            environment.setdefault(f"{scheme}_proxy", shell[7:-1])
    return environment


def prepare(root: Path, log: Path):
    """Makes the pristine root unless it exists with the same packages. Returns whether it was made."""
    codename = release()
    wanted = f"{codename} {' '.join(PACKAGES)}\n"
    mark = root / "freeinference-root"
    if mark.exists() and mark.read_text() == wanted:
        return False
    shutil.rmtree(root, ignore_errors=True)
    partial = root.with_name(root.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", codename, str(partial),
               mirror(codename)]
    with log.open("w") as output:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                               env=proxies(), timeout=900)
    if ended.returncode != 0:
        raise Failed(f"debootstrap failed, {log} says why:\n{log.read_text()[-2000:]}")
    shutil.rmtree(partial / "var/cache/apt/archives", ignore_errors=True)
    (partial / "etc/hostname").write_text("edge\n")
    (partial / "etc/hosts").write_text("127.0.0.1 localhost edge\n")
    (partial / "freeinference-root").write_text(wanted)
    partial.rename(root)
    return True


def copy(root: Path, machine: Path):
    """Copies the pristine root for one run."""
    discard(machine)
    subprocess.run(["cp", "--archive", "--reflink=auto", str(root), str(machine)], check=True, timeout=120)


def discard(machine: Path):
    """Removes a copy; all mounts below it were in the container's own namespace."""
    shutil.rmtree(machine, ignore_errors=True)
