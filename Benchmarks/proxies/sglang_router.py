"""sglang-router, from PyPI: a router for model executors (hyper, rustls), not a general proxy.

It has no option for the number of threads: its runtime starts one per core that it may use, and here it may use one.
"""

import contextlib
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

from .proxy import Proxy, Unable


class SGLangRouter(Proxy):
    name = "sglang-router"

    @classmethod
    def find(cls, options):
        if options.sglang_router:
            return super().find(options)
        program = Path(options.venv).absolute() / "bin" / "sglang-router"
        if not program.exists():
            raise Unable("the PyPI package sglang-router is not installed (make setup-bench)")
        return cls(str(program))

    def version(self):
        pip = Path(self.program).parent / "pip"
        said = subprocess.run([pip, "show", "sglang-router"], capture_output=True, text=True, timeout=60).stdout
        return next((line.split()[1] for line in said.splitlines() if line.startswith("Version:")), "?")

    def wait(self, setting):
        """Waits until the executor is registered, because the router listens before that."""
        context = ssl.create_default_context(cafile=setting.certificate)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"https://127.0.0.1:{setting.port}/v1/models", timeout=5, context=context):
                    return
            time.sleep(0.1)
        raise Unable("it did not register its executor in 20 s")

    def command(self, setting):
        return [
            self.program, "launch",
            "--host", "127.0.0.1", "--port", setting.port,
            "--worker-urls", f"http://{setting.executor_address}",
            "--policy", "round_robin",
            "--tls-cert-path", setting.certificate, "--tls-key-path", setting.key,
            "--prometheus-host", "127.0.0.1", "--prometheus-port", setting.spare_port,
            "--log-level", "error",
            "--max-concurrent-requests", 100_000,
            "--request-timeout-secs", 3600,
            "--worker-startup-check-interval", 1,
            "--disable-retries", "--disable-circuit-breaker", "--disable-health-check",
        ]
