"""sglang-router, from PyPI: a router for model executors (hyper, rustls), not only a proxy.

It has no option for its number of threads: its runtime makes one a core that it may use, and it may use one.
"""

import subprocess
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
