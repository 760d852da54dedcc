"""The server under callgrind: started independently of the machine, and the instructions that it has spent."""

import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from tools.processes import Failed, free_port

CONFIGURATION = """\
listeners:
  - address: 127.0.0.1:{port}
    tls:
      certificates:
        - chain: {certificate}
          key: {key}
admin:
  address: unix:{folder}/admin.sock
workers: 1
poller: epoll
gather: off
timeouts:
  idle: 1h
log:
  access: false
models:
  - id: demo
    executors:
      - url: http://127.0.0.1:{executor_port}
        health: {{interval: 0s}}
"""

# Libraries choose their code by the processor, and valgrind emulates a processor with AVX2 only if the machine has it.
# These variables fix the choices, so that each machine counts the same instructions.
ENVIRONMENT = {
    # OpenSSL uses the instructions of a Haswell processor without RDRAND: AES-NI, PCLMULQDQ, AVX, MOVBE, BMI1, BMI2 and
    # AVX2. ADX, SHA and AVX-512 are left out, because valgrind 3.19 cannot run them.
    "OPENSSL_ia32cap": "0x3ffaf3ffffebffff:0x27ab",
    "SIMDJSON_FORCE_IMPLEMENTATION": "haswell",
    # callgrind would count `rep movsb` as one instruction per byte, so glibc must not use it.
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-ERMS,-FSRM:glibc.cpu.x86_non_temporal_threshold=1048576",
    # Swift's hashing gets a fixed seed, so hash collisions are the same in each run.
    "SWIFT_DETERMINISTIC_HASHING": "1",
}

ALLOCATORS = ("malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign")


def without_debug_information(program, folder):
    """A copy of the program for valgrind 3.19, which needs symbols but fails on DWARF 5."""
    copy = folder / "freeinference"
    if not Path(program).is_file():
        raise Failed(f"bench: there is no {program}")
    subprocess.run(["objcopy", "--strip-debug", with_symbols(program), copy], check=True)
    return copy


def with_symbols(program):
    """The unstripped program that `make build` keeps beside the stripped one, or the program if it has its symbols."""
    linked = Path(f"{program}.linked")
    # After a plain `swift build`, the program is newer than its unstripped copy `.linked`, so the build ids differ.
    return linked if linked.is_file() and build_id(linked) == build_id(program) else program


def build_id(program):
    said = subprocess.run(["readelf", "--notes", program], capture_output=True, text=True, check=True).stdout
    return next((line.split()[-1] for line in said.splitlines() if "Build ID" in line), None)


class Server:
    """Starts the server; `stop` returns the instructions and the calls of allocators that it has spent."""

    def __init__(self, program, folder, certificate, key, executor_port):
        self.folder, self.port = folder, free_port()
        file = folder / "freeinference.yaml"
        file.write_text(CONFIGURATION.format(**vars(self), certificate=certificate, key=key,
                                             executor_port=executor_port))
        self.counts, self.log = folder / "callgrind.out", folder / "server.log"
        command = ["valgrind", "--tool=callgrind", "--vgdb=no", f"--callgrind-out-file={self.counts}", program,
                   "serve", "--config", file]
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=inherited | ENVIRONMENT)
        self.wait_until_ready()

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        while b"freeinference: ready" not in self.log.read_bytes():
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise Failed(f"bench: the server did not start:\n{self.said()}")
            time.sleep(0.05)

    def said(self):
        return self.log.read_text(errors="replace")[-3000:]

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
        if self.child.returncode:
            raise Failed(f"bench: the server ended with {self.child.returncode}:\n{self.said()}")
        return Counts(self.counts)

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


class Counts:
    """A file of callgrind, parsed: all instructions, and how often each function called each other one."""

    def __init__(self, file):
        self.instructions, self.calls, self.names, self.objects = 0, Counter(), {}, {}
        caller = callee = object_ = other = None
        with open(file, encoding="utf-8", errors="replace") as lines:
            for line in map(str.strip, lines):
                kind, _, value = line.partition("=")
                if kind == "ob":
                    object_ = other = self.object(value)
                elif kind == "cob":
                    other = self.object(value)
                elif kind == "fn":
                    caller = self.function(value, object_)
                elif kind == "cfn":
                    callee, other = self.function(value, other), object_
                elif kind == "calls":
                    self.calls[caller, callee] += int(value.split()[0])
                elif line.startswith("totals:"):
                    self.instructions = int(line.split()[1])
        if not self.instructions:
            raise Failed(f"bench: {file} has no counts")

    def object(self, words):
        """The name of a library or program; the file gives a name only at its number's first occurrence."""
        number, _, path = words.partition(" ")
        return self.objects.setdefault(number, Path(path).name)

    def function(self, words, object_):
        """The number of a function; the file gives a name only at its number's first occurrence."""
        number, _, name = words.partition(" ")
        if name:
            self.names[number] = f"{name} of {object_}" if name.startswith("0x") else name
        return number

    def named(self, names):
        return {number for number, name in self.names.items() if name in names}

    @property
    def allocations(self):
        """How often allocators were called, except by other allocators."""
        own = self.named(ALLOCATORS)
        return sum(calls for (caller, callee), calls in self.calls.items() if callee in own and caller not in own)

    def callers(self, names):
        """How often each caller called these functions; a linker stub is replaced by its own caller."""
        callees, found = self.named(names), Counter()
        stubs = {caller for caller, callee in self.calls if callee in callees and self.names[caller].startswith("0x")}
        for (caller, callee), calls in self.calls.items():
            if callee in callees | stubs and caller not in stubs:
                found[self.names[caller]] += calls
        return found
