"""Programs that are pinned to a core, and their figures in /proc, child processes included."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


class Failed(SystemExit):
    """A measurement has failed; ends the program unless it is caught."""


def free_port(given=set()):
    """A free port below the kernel's range for client ports; each port is given out once."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        if port in given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given.add(port)
        return port
    raise Failed("bench: no free port")


def connections_to(port):
    """The number of IPv4 TCP connections of the server on this port."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(int(field[1].split(":")[1], 16) == port and field[3] == "01" for field in fields)


class Process:
    """A program on one core, or on several ("0,1"); its output goes to a file."""

    def __init__(self, core, command, folder, name, piped=False):
        self.log = folder / f"{name}.log"
        self.name = name
        command = ["taskset", "-c", str(core), *map(str, command)]
        with open(self.log, "wb") as log:
            errors = subprocess.PIPE if piped else log
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=errors)

    def wait_for(self, line):
        """Waits for this line on a piped stderr."""
        said = b""
        for words in self.child.stderr:
            if words.strip() == line.encode():
                return
            said += words
        raise Failed(f"bench: {self.name} ended early: {said.decode()}{self.said()}")

    def said(self):
        return self.log.read_text(errors="replace")[-2000:]

    def family(self):
        """The /proc folders of the process and of all its descendants; taskset has been replaced by the program by
        then.
        """
        found, waiting = [], [self.child.pid]
        while waiting:
            folder = Path(f"/proc/{waiting.pop()}")
            found.append(folder)
            for children in folder.glob("task/*/children"):
                waiting += children.read_text().split()
        return found

    def cpu(self):
        """CPU seconds of all threads: by the scheduler's count, and the coarse user and system times."""
        spent = {"run": 0.0, "user": 0.0, "system": 0.0}
        for folder in self.family():
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            spent["run"] += sum(int(file.read_text().split()[0]) for file in folder.glob("task/*/schedstat")) / 1e9
            spent["user"] += int(fields[11]) / TICK
            spent["system"] += int(fields[12]) / TICK
        return spent

    def threads(self):
        """CPU seconds of each thread of this process, by name."""
        tasks = Path(f"/proc/{self.child.pid}").glob("task/*")
        return {
            f"{(task / 'comm').read_text().strip()} {task.name}": int((task / "schedstat").read_text().split()[0]) / 1e9
            for task in tasks
        }

    def memory(self):
        """Resident memory in kB: all of it, the anonymous part, and the proportional part (Pss)."""
        sums = {"VmRSS": 0, "RssAnon": 0, "Pss": 0}
        for folder in self.family():
            for file in ("status", "smaps_rollup"):
                for line in (folder / file).read_text().splitlines():
                    name, _, value = line.partition(":")
                    if name in sums:
                        sums[name] += int(value.split()[0])
        return sums

    def ready(self, port, patience=10):
        """Waits until the program accepts connections; `port` may be the path of a unix socket."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            family, address = (socket.AF_INET, ("127.0.0.1", port)) if isinstance(port, int) else (socket.AF_UNIX, port)
            try:
                with socket.socket(family) as probe:
                    probe.settimeout(1)
                    probe.connect(address)
                return
            except OSError:
                time.sleep(0.02)
        raise Failed(f"bench: {self.name} did not start:\n{self.said()}")

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()
