"""A booted Debian root: a container with its own systemd, and a network with loopback only."""

import os
import subprocess
import time
from pathlib import Path

from failures import Failed, expect

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HOME = "/root/freeinference"


class Machine:
    """A container that runs from `boot` to `kill`. Commands run in all of its namespaces."""

    def __init__(self, root: Path, log: Path):
        self.root = root
        self.log = log
        self.container = None
        self.leader = None

    def boot(self, within=120):
        """Boots, and returns once systemd reports that the boot is complete."""
        with self.log.open("a") as output:
            # A killed systemd-nspawn would leave its container behind. Here it is process 1 of a PID namespace, which
            # ends with `unshare`, which in turn ends with the process that runs this program.
            self.container = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
                 "systemd-nspawn", "--boot", f"--directory={self.root}", "--private-network", "--register=no",
                 "--keep-unit", "--console=pipe", "--quiet"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        due = time.monotonic() + within
        seen = ""
        while time.monotonic() < due:
            if self.container.poll() is not None:
                raise Failed(f"the container ended at once:\n{self.log.read_text()[-2000:]}")
            self.leader = self._leader()
            if self.leader is not None:
                seen = self.run("systemctl is-system-running", check=False).stdout.strip()
                if seen in ("running", "degraded"):
                    return
            time.sleep(0.2)
        raise Failed(f"the container has not booted in {within} s (systemd says {seen or 'nothing'})")

    def _leader(self):
        """The container's process 1, once it is systemd; before that its namespaces are incomplete."""
        def children(number):
            return Path(f"/proc/{number}/task/{number}/children").read_text().split()

        try:
            for nspawn in children(self.container.pid):
                for child in children(nspawn):
                    if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                        return int(child)
        except OSError:
            pass
        return None

    def run(self, script, check=True, timeout=60):
        """Runs a bash script in the container, in its copy of the repository."""
        command = ["nsenter", "--target", str(self.leader), "--all", "/bin/bash", "-euo", "pipefail", "-c",
                   f"cd {HOME} && {script}"]
        try:
            ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                                   env={"PATH": PATH, "HOME": "/root", "LC_ALL": "C", "SYSTEMD_PAGER": "cat"})
        except subprocess.TimeoutExpired as expired:
            raise Failed(f"`{script}` took longer than {timeout} s") from expired
        if check and ended.returncode != 0:
            raise Failed(f"`{script}` ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
        return ended

    def network(self, command):
        """The command that runs a program of the host in the container's network."""
        return ["nsenter", "--target", str(self.leader), "--net", *command]

    def properties(self, unit, *names):
        """Properties of a unit, as text."""
        lines = self.run(f"systemctl show {unit} --property={','.join(names)}").stdout.splitlines()
        return dict(line.split("=", 1) for line in lines)

    def wait(self, what, condition, within=20):
        """Repeats `condition` until its value is true, and returns that value."""
        due = time.monotonic() + within
        while True:
            value = condition()
            if value:
                return value
            expect(time.monotonic() < due, f"{what}: not within {within} s")
            time.sleep(0.1)

    def journal(self, unit="freeinference", since=0):
        """The messages of a unit and of systemd about it since the boot, without the first `since`."""
        text = self.run(f"journalctl --boot --unit={unit} --output=cat --no-pager", check=False).stdout
        return text.splitlines()[since:]

    def power_off(self, within=90):
        """Shuts the container down by `poweroff`, as an operator would."""
        self.run("systemctl poweroff", check=False)
        try:
            self.container.wait(within)
        except subprocess.TimeoutExpired as expired:
            raise Failed(f"the container has not shut down in {within} s") from expired
        self.kill()

    def kill(self):
        """Ends the container if it runs; its processes and mounts end with their namespaces."""
        if self.container is None:
            return
        self.container.kill()
        self.container.wait()
        self.container = None
        self.leader = None
        self._remove_groups()

    @staticmethod
    def _remove_groups():
        """Removes the control groups that systemd-nspawn leaves behind on a host without systemd.

        Only empty groups can be removed; they become empty a moment after the last process has ended.
        """
        root = Path("/sys/fs/cgroup")
        left = [hierarchy / name for hierarchy in [root, *root.glob("*/")] for name in ("payload", "supervisor")]
        due = time.monotonic() + 3
        while (left := [group for group in left if group.exists()]) and time.monotonic() < due:
            for group in left:
                for folder, _, _ in os.walk(group, topdown=False):
                    try:
                        os.rmdir(folder)
                    except OSError:
                        time.sleep(0.01)
