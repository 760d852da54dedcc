"""Programs pinned to a core, and what /proc says of them."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def free_port(given=set()):
    """Below the range that outgoing connections draw their ports from; each given once."""
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
    raise SystemExit("bench-streams: no free port")


class Process:
    """A program pinned to a core; its output goes to a file."""

    def __init__(self, core, command, folder, name, piped=False):
        self.log = folder / f"{name}.log"
        self.name = name
        command = ["taskset", "-c", str(core), *map(str, command)]
        with open(self.log, "wb") as log:
            errors = subprocess.PIPE if piped else log
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=errors)

    def wait_for(self, line):
        """A line of a piped stderr."""
        said = b""
        for words in self.child.stderr:
            if words.strip() == line.encode():
                return
            said += words
        raise SystemExit(f"bench-streams: {self.name} ended early: {said.decode()}{self.log.read_text()}")

    def cpu(self):
        """Seconds on a processor by the scheduler's count, and the coarse user and system times; of all threads."""
        folder = Path(f"/proc/{self.child.pid}")
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        run = sum(int(file.read_text().split()[0]) for file in folder.glob("task/*/schedstat"))
        return {"run": run / 1e9, "user": int(fields[11]) / TICK, "system": int(fields[12]) / TICK}

    def memory(self):
        """Resident kB: all of it, and the part that is no file's. taskset has long become the program itself."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{self.child.pid}/status").read_text().splitlines())
        return {name: int(status[name].split()[0]) for name in ("VmRSS", "RssAnon")}

    def ready(self, port):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit(f"bench-streams: {self.name} did not start:\n{self.log.read_text()}")

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()
