"""Runs a script in namespaces of its own: its addresses exist for it alone, and all its processes end with it."""

import os
import shutil
import subprocess
import sys

MARK = "FREEINFERENCE_ISOLATED"


def isolate(name):
    """Starts the script anew in network, process and mount namespaces of its own; returns in the new ones.

    There `lo` is up, and no other interface is. Without root it needs user namespaces. `name` begins what is said if
    there are none.
    """
    if os.environ.pop(MARK, None) != str(os.getppid()):
        command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if os.geteuid() != 0:
            command.append("--map-root-user")
        if not shutil.which("unshare") or subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode:
            raise SystemExit(f"{name}: needs root or user namespaces, and util-linux's unshare")
        # The parent's process id is 0 in a process namespace whose first process this script is.
        os.environ[MARK] = "0"
        os.execvp(command[0], [*command, sys.executable, *sys.argv])
    ip("link", "set", "lo", "up")


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True)


def add_addresses(addresses, interface="lo"):
    """Adds addresses of either family; they can be used at once."""
    for address in addresses:
        if ":" in address:
            ip("-6", "address", "add", f"{address}/128", "dev", interface, "nodad")
        else:
            ip("address", "add", f"{address}/32", "dev", interface)
