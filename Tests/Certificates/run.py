#!/usr/bin/env python3
"""Renews certificates while clients make TLS handshakes (`make test-certificates`).

Several threads make full TLS handshakes that verify the certificate. Meanwhile the script replaces the chain and the
private key one after the other, with a pause between them, so that the server finds pairs that do not match. No
handshake may fail. Afterwards the script replaces a symbolic link to the folder, as certbot does, and measures the time
until the server uses the new certificate.
"""

import argparse
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configuration(folder, tls, admin):
    return f"""\
listeners:
  - address: 127.0.0.1:{tls}
    tls: {{certificates: [{{chain: {folder}/live/chain.pem, key: {folder}/live/key.pem}}]}}
admin: {{address: '127.0.0.1:{admin}', socket: off}}
limits: {{per_address: {{new_connections: off}}}}
models:
  - id: demo
    executors: [{{url: 'http://127.0.0.1:1', health: {{interval: 0s}}}}]
"""


def make_certificate(program, folder, name, authority=None):
    """Makes a certificate for localhost and for NAME.example, signed by the certificate authority in `authority`."""
    os.makedirs(f"{folder}/{name}")
    if authority:
        for file in ("ca.pem", "ca-key.pem"):
            shutil.copy(f"{authority}/{file}", f"{folder}/{name}/{file}")
    subprocess.run([program, "certificate", "--directory", f"{folder}/{name}", "--names", "localhost", f"{name}.example"],
                   check=True, stdout=subprocess.DEVNULL)


def handshake(context, port):
    """Makes a handshake, and returns the name NAME.example in the certificate that the server has sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with context.wrap_socket(connection, server_hostname="localhost") as secure:
            names = [value for kind, value in secure.getpeercert()["subjectAltName"] if value.endswith(".example")]
            return names[0]


def replace(source, target):
    """Replaces a file atomically."""
    shutil.copy(source, target + ".next")
    os.rename(target + ".next", target)


class Handshakes:
    """Threads that make handshakes until they are stopped."""

    def __init__(self, context, port, threads):
        self.failed, self.seen, self.lock, self.is_over = [], {}, threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(context, port)) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, context, port):
        while not self.is_over.is_set():
            try:
                name = handshake(context, port)
                with self.lock:
                    self.seen[name] = self.seen.get(name, 0) + 1
            except (OSError, ssl.SSLError) as error:
                with self.lock:
                    self.failed.append(repr(error))

    @property
    def count(self):
        with self.lock:
            return sum(self.seen.values()) + len(self.failed)

    def stop(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()


def swap_in_the_wrong_order(folder, handshakes, count, swaps, pause):
    """Replaces chain and key one after the other, at least `swaps` times and until `count` handshakes were made.

    Returns how many pairs were replaced.
    """
    done = 0
    while done < swaps or handshakes.count < count:
        name = ("second", "first")[done % 2]
        order = ("chain.pem", "key.pem") if done % 4 < 2 else ("key.pem", "chain.pem")
        for file in order:
            replace(f"{folder}/{name}/{file}", f"{folder}/pair/{file}")
            time.sleep(pause)
        done += 1
    return done


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freeinference", required=True, help="the binary")
    parser.add_argument("--handshakes", type=int, default=10_000, help="the least number of them")
    parser.add_argument("--swaps", type=int, default=4, help="the least number of pairs that are replaced")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pause", type=float, default=11, help="seconds for which a pair does not fit")
    options = parser.parse_args()
    program = os.path.abspath(options.freeinference)
    folder = tempfile.mkdtemp(prefix="certificates-")
    make_certificate(program, folder, "first")
    for name in ("second", "third"):
        make_certificate(program, folder, name, f"{folder}/first")
    shutil.copytree(f"{folder}/first", f"{folder}/pair")
    os.symlink(f"{folder}/pair", f"{folder}/live")
    tls, admin = free_port(), free_port()
    Path(f"{folder}/configuration.yaml").write_text(configuration(folder, tls, admin))
    messages = Path(f"{folder}/messages")
    context = ssl.create_default_context(cafile=f"{folder}/first/ca.pem")
    server = subprocess.Popen([program, "serve", "--config", f"{folder}/configuration.yaml"],
                              stdout=subprocess.DEVNULL, stderr=messages.open("w"))
    try:
        while "ready" not in messages.read_text():
            time.sleep(0.1)
            if server.poll() is not None:
                raise SystemExit(messages.read_text())
        began = time.monotonic()
        handshakes = Handshakes(context, tls, options.threads)
        swaps = swap_in_the_wrong_order(folder, handshakes, options.handshakes, options.swaps, options.pause)
        handshakes.stop()
        seconds = time.monotonic() - began
        text = messages.read_text()
        kept = text.count("the certificates in force stay")
        renewed = text.count("renewed certificates are served")
        print(f"handshakes: {handshakes.count} in {seconds:.0f} s, failed: {len(handshakes.failed)} "
              f"{handshakes.failed[:3]}; served: {handshakes.seen}")
        print(f"pairs replaced in the wrong order: {swaps}; found not to fit, and the earlier one kept: {kept}; "
              f"renewed: {renewed}")
        os.symlink(f"{folder}/third", f"{folder}/next")
        os.rename(f"{folder}/next", f"{folder}/live")
        began = time.monotonic()
        while handshake(context, tls) != "third.example":
            time.sleep(0.05)
            if time.monotonic() - began > 60:
                raise SystemExit("the certificate behind the replaced link was never served")
        link = time.monotonic() - began
        print(f"a replaced link: served after {link:.1f} s, without a reload")
        failed = handshakes.failed or kept < swaps or len(handshakes.seen) < 2 or link > 11
        sys.exit(1 if failed else 0)
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
