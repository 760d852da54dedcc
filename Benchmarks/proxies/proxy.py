"""The interface of a proxy to the benchmarks: where its program is, and how it is started for a setting."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# The HTTP/2 flow-control windows in bytes that freeinference grants by default. Every other proxy that has an option
# for them is configured with the same values.
STREAM_WINDOW_BYTES = 256 * 1024
CONNECTION_WINDOW_BYTES = 1024 * 1024
STREAMS_OF_A_CONNECTION = 1100


class Unable(Exception):
    """The reason why a proxy cannot be started, or cannot run a scenario; it appears in the table."""


@dataclass
class Setting:
    """The parameters of a proxy. `executor` is `http://HOST:PORT` or `unix:/PATH`; `protocol` is None or "h2".

    With `gateway` the proxy writes its access log, and uses its keys, limits and admission if it has them. A proxy
    that needs a key stores it in `api_key`; its metrics are on `spare_port`.
    """

    folder: Path
    port: int
    spare_port: int
    executor: str
    certificate: Path
    key: Path
    protocol: str | None = None
    workers: int = 1
    gateway: bool = False
    api_key: str | None = None

    @property
    def executor_address(self):
        """HOST:PORT of the executor; only freeinference is measured with a unix socket."""
        if not self.executor.startswith("http://"):
            raise Unable("executors on TCP only here")
        return self.executor.removeprefix("http://")


class Proxy:
    name = ""
    version_arguments = ["--version"]

    def __init__(self, program):
        self.program = program

    @classmethod
    def find(cls, options):
        """An instance; raises Unable if the program is missing."""
        program = shutil.which(getattr(options, cls.name.replace("-", "_"), None) or cls.name)
        if program is None:
            raise Unable(f"no program {cls.name} here")
        return cls(program)

    def version(self):
        said = subprocess.run([self.program, *self.version_arguments], capture_output=True, text=True, timeout=30)
        number = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
        return number.group() if number else "?"

    def command(self, setting):
        """Writes the configuration into the setting's folder; returns the command that runs the proxy in the
        foreground.
        """
        raise NotImplementedError

    def wait(self, setting):
        """Waits until the proxy can serve; it already accepts connections."""

    def write(self, setting, name, text):
        file = setting.folder / name
        file.write_text(text)
        return file
