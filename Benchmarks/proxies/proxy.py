"""What a proxy is to the benchmarks: where its program is, and how it is started for a setting."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# The same for all that let it be set: what freeinference grants by itself.
STREAM_WINDOW_BYTES = 256 * 1024
CONNECTION_WINDOW_BYTES = 1024 * 1024
STREAMS_OF_A_CONNECTION = 1100


class Unable(Exception):
    """Why a proxy cannot be started here, or cannot do a scenario: the table says it."""


@dataclass
class Setting:
    """What a proxy is started with. `executor` is `http://HOST:PORT` or `unix:/PATH`; `protocol` is None or "h2".

    `gateway`: with its access log, and whatever it has of keys, limits and admission. A proxy that wants a key then
    leaves it in `api_key`, and the port of its metrics is `spare_port`.
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
        """HOST:PORT; a unix socket is measured with freeinference only."""
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
        """An instance, or Unable."""
        program = shutil.which(getattr(options, cls.name.replace("-", "_"), None) or cls.name)
        if program is None:
            raise Unable(f"no program {cls.name} here")
        return cls(program)

    def version(self):
        said = subprocess.run([self.program, *self.version_arguments], capture_output=True, text=True, timeout=30)
        number = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
        return number.group() if number else "?"

    def command(self, setting):
        """Writes what it needs into the setting's folder; its words to start it with, in the foreground."""
        raise NotImplementedError

    def wait(self, setting):
        """Returns when it can serve; it accepts connections already."""

    def write(self, setting, name, text):
        file = setting.folder / name
        file.write_text(text)
        return file
