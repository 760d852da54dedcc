"""The engine under test: vLLM's server, on a loopback port or on a unix socket."""

import os
import re
import signal
import sys
from pathlib import Path

from clients import CHAT, ENGINE_CHAT
from servers import Server

# The names of three models that clients can ask for. The first is served by the engine on the unix socket. The other
# two are each served by both engines, and differ in the engine that the edge asks first.
UNIX, TCP_FIRST, UNIX_FIRST = "tiny-unix", "tiny-tcp-first", "tiny-unix-first"
# The name of a model whose requests reach the engine through a recorder, a proxy that keeps their header fields.
RECORDED = "tiny-recorded"
# The engine runs this many requests at a time; further ones wait in its own queue.
RUNNING_MAX = 12
# The engine imports many modules: a minute on two free cores, more beside a compiler.
START_SECONDS = 400


def models(tcp, unix, recorded):
    """The edge's models. In a pool the first executor has a million times the weight, so the second is asked only
    after a failure.
    """
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
    """vLLM's server. On SIGTERM it ends running requests at once, or lets them end within `drain_seconds`.

    `arguments` are added to its command, and `environment` to its environment.
    """

    def __init__(self, name, folder, address, drain_seconds, arguments=(), environment=None):
        command = [
            Path(sys.executable).parent / "vllm", "serve", folder / "model", "--served-model-name", ENGINE_CHAT,
            "--enforce-eager", "--max-num-seqs", RUNNING_MAX, "--shutdown-timeout", drain_seconds,
            "--enable-auto-tool-choice", "--tool-call-parser", "hermes",
        ]
        if isinstance(address, int):
            command += ["--host", "127.0.0.1", "--port", address]
        else:
            # An engine that was killed leaves its socket file.
            address.unlink(missing_ok=True)
            command += ["--uds", address]
        super().__init__(name, folder, [*command, *arguments], address, {
            # No access to a model hub, no telemetry, and no file outside the folder.
            "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
            "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder / "config"),
            # One thread, and 1 GiB for the cache.
            "OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_CPU_KVCACHE_SPACE": "1",
            **(environment or {}),
        })

    def is_up(self):
        self.ready("/health", START_SECONDS)

    def metric(self, name):
        """The sum over all series of a metric; 0 if it has none."""
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
        """How many requests the engine has finished since its start, for any reason. Cancelled requests do not count.
        """
        return self.metric("vllm:request_success_total")

    def kill_core(self):
        """Sends SIGKILL to the process that computes; the HTTP process continues."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        [core] = [int(child) for child in children if b"EngineCore" in Path(f"/proc/{child}/cmdline").read_bytes()]
        os.kill(core, signal.SIGKILL)
