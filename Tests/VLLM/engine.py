"""The engine under test: vLLM's server, on a port of loopback or on a unix socket."""

import os
import re
import signal
import sys
from pathlib import Path

from clients import CHAT, ENGINE_CHAT
from servers import Server

# What clients say to reach one engine, the other, or a pool in which one of both is asked first.
UNIX, TCP_FIRST, UNIX_FIRST = "tiny-unix", "tiny-tcp-first", "tiny-unix-first"
# The engine on a port, behind a server that keeps the header fields of what it is asked.
RECORDED = "tiny-recorded"
# More than these wait in the engine's own queue.
RUNNING_MAX = 12
# It imports a lot: a minute on two free cores, more beside a compiler.
START_SECONDS = 400


def models(tcp, unix, recorded):
    """The edge's models. A pool's second executor is asked only in need: the first has a million times its weight."""
    def executor(url, weight=1):
        return f'{{url: "{url}", model: {ENGINE_CHAT}, kind: vllm, weight: {weight}}}'

    return f"""\
models:
  - id: {CHAT}
    executors: [{executor(tcp)}]
  - id: {UNIX}
    executors: [{executor(unix)}]
  - id: {RECORDED}
    executors: [{executor(recorded)}]
  - id: {TCP_FIRST}
    balance: weighted
    executors: [{executor(tcp, 1000000)}, {executor(unix)}]
  - id: {UNIX_FIRST}
    balance: weighted
    executors: [{executor(unix, 1000000)}, {executor(tcp)}]
"""


class Engine(Server):
    """vLLM's server. On SIGTERM it ends running requests at once, or lets them end within `drain_seconds`."""

    def __init__(self, name, folder, address, drain_seconds):
        command = [
            Path(sys.executable).parent / "vllm", "serve", folder / "model", "--served-model-name", ENGINE_CHAT,
            "--enforce-eager", "--max-num-seqs", RUNNING_MAX, "--shutdown-timeout", drain_seconds,
            "--enable-auto-tool-choice", "--tool-call-parser", "hermes",
        ]
        if isinstance(address, int):
            command += ["--host", "127.0.0.1", "--port", address]
        else:
            # One that was killed has left its socket.
            address.unlink(missing_ok=True)
            command += ["--uds", address]
        super().__init__(name, folder, command, address, {
            # Nothing from a hub, nothing to one, and no file outside the folder.
            "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
            "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder / "config"),
            # One thread, one GiB.
            "OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_CPU_KVCACHE_SPACE": "1",
        })

    def is_up(self):
        self.ready("/health", START_SECONDS)

    def metric(self, name):
        """The sum over all series of a metric; 0 without any."""
        status, body = self.get("/metrics")
        assert status == 200, body
        total = 0.0
        for line in body.decode().splitlines():
            found = re.fullmatch(r"([a-z_:]+)\{.*\} (\S+)", line)
            if found and found[1] == name:
                total += float(found[2])
        return total

    def running(self):
        return self.metric("vllm:num_requests_running")

    def waiting(self):
        return self.metric("vllm:num_requests_waiting")

    def finished(self):
        """How many requests it has finished since it started, for whatever reason. What is cancelled does not count."""
        return self.metric("vllm:request_success_total")

    def kill_core(self):
        """SIGKILL to the process that computes; the one that speaks HTTP stays."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        [core] = [int(child) for child in children if b"EngineCore" in Path(f"/proc/{child}/cmdline").read_bytes()]
        os.kill(core, signal.SIGKILL)
