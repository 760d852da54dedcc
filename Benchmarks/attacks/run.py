#!/usr/bin/env python3
"""Short requests of one client while four connections attack (`make bench-attacks`).

For each attack by clients or by executors, the same load runs alone and then beside the attack, on the same server.
Reports the 99th percentile of both, how many of the attacker's connections were ended, how many bytes it sent and
what they decode to, and the server's memory.

Latencies are judged here, on a calm machine; Tests/HTTPTests/Server/HTTP2HeaderBombTests.swift tests the same attacks
by counts. A flood of resets is reported but not judged, because it costs no more than as many requests. The server
has its own processor. Client, executor and attackers share the other one; the attackers get only its idle time.
"""

import argparse
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools.attacking import (  # noqa: E402
    PROCESS, ask, memory, percentile, pin, request, short, step_aside, until_ready,
)
import frames  # noqa: E402
import bombs  # noqa: E402

CONNECTIONS = 4
PIECE = 65536
MEMORY_LIMIT = 256 << 20

CONFIGURATION = """\
listeners:
  - address: 127.0.0.1:{port}
admin:
  address: unix:{folder}/admin.sock
memory_limit: 256MiB
log:
  access: false
models:
  - id: demo
    executors:
      - {{url: "http://127.0.0.1:{executor}", health: {{interval: 0s}}}}
  - id: bomb
    executors:
      - {{url: "http://127.0.0.1:{bomber}", protocol: h2, health: {{interval: 0s}}}}
"""
BOMBED = b'{"model":"bomb","max_tokens":16,"messages":[{"role":"user","content":"hi"}]}'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def innocent(port, seconds):
    """The duration in milliseconds of each short request; they are sent one after the other."""
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        message = request(short())
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            status = ask(connection, message)
            if status != 200:
                raise SystemExit(f"bench-attacks: a short request got {status}")
            times.append((time.monotonic() - begun) * 1000)
    return times


def attack(port, name, seconds, results):
    """Attacks on one connection, and reconnects as soon as it is ended."""
    step_aside()
    bomb = bombs.CLIENTS[name]
    sent = decoded = ended = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            connection.sendall(frames.PREFACE + frames.frame(frames.SETTINGS, 0, 0) + frames.frame(frames.SETTINGS, 1, 0))
            stream = 1
            while time.monotonic() < end:
                data, weight = bomb(stream)
                connection.sendall(data)
                sent, decoded, stream = sent + len(data), decoded + weight, stream + 2
                connection.setblocking(False)
                try:
                    while True:
                        if not connection.recv(65536):
                            raise ConnectionError
                except BlockingIOError:
                    pass
                connection.settimeout(5)
        except OSError:
            ended += 1
        finally:
            connection.close()
    results.put((sent, decoded, ended))


def provoke(port, seconds, results):
    """Sends requests to the attacking executor, one client after the other."""
    step_aside()
    asked = 0
    end = time.monotonic() + seconds
    message = request(BOMBED)
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                while time.monotonic() < end:
                    ask(connection, message)
                    asked += 1
        except OSError:
            pass
    results.put(asked)


def bomber(port, name, results):
    """An executor that answers each HTTP/2 request with a bomb."""
    step_aside()
    bomb = bombs.EXECUTORS[name]
    prepared = {}
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    total = [0, 0, 0]

    def tell(*_):
        results.put(tuple(total))
        results.close()
        results.join_thread()
        os._exit(0)

    signal.signal(signal.SIGTERM, tell)

    def serve(connection):
        buffer = b""
        try:
            connection.sendall(frames.frame(frames.SETTINGS, 0, 0) + frames.frame(frames.SETTINGS, 1, 0))
            skipped = False
            while True:
                part = connection.recv(65536)
                if not part:
                    break
                buffer += part
                if not skipped and len(buffer) >= len(frames.PREFACE):
                    buffer, skipped = buffer[len(frames.PREFACE):], True
                arrived, buffer = frames.split(buffer) if skipped else ([], buffer)
                for kind, flags, stream, _ in arrived:
                    if kind in (frames.DATA, frames.HEADERS) and flags & frames.END_STREAM:
                        if stream not in prepared:
                            prepared[stream] = bomb(stream)
                        data, weight = prepared[stream]
                        view = memoryview(data)
                        # In pieces, because one call for megabytes would occupy the processor inside the kernel.
                        for start in range(0, len(data), PIECE):
                            connection.sendall(view[start:start + PIECE])
                        total[0] += len(data)
                        total[1] += weight
        except OSError:
            pass
        total[2] += 1
        connection.close()

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def measure(program, name, seconds):
    of_client = name in bombs.CLIENTS
    with tempfile.TemporaryDirectory() as folder:
        port, executor, bomber_port = free_port(), free_port(), free_port()
        configuration = Path(folder) / "configuration.yaml"
        configuration.write_text(CONFIGURATION.format(port=port, folder=folder, executor=executor, bomber=bomber_port))
        log = open(Path(folder) / "log", "w")
        processes = [subprocess.Popen([program, "executor", "--listen", f"127.0.0.1:{executor}"], stdout=log, stderr=log)]
        server = subprocess.Popen([program, "serve", "--config", str(configuration)], stdout=log, stderr=log)
        processes.append(server)
        pin(server.pid, {0})
        for other in (processes[0].pid, 0):
            pin(other, {1})
        results, executor_results = multiprocessing.Queue(), multiprocessing.Queue()
        workers = []
        try:
            until_ready(executor, "bench-attacks")
            until_ready(port, "bench-attacks")
            enemy = None
            if not of_client:
                enemy = multiprocessing.Process(target=bomber, args=(bomber_port, name, executor_results))
                enemy.start()
                until_ready(bomber_port, "bench-attacks")
            innocent(port, 1)
            quiet = innocent(port, seconds)
            for _ in range(CONNECTIONS):
                arguments = (port, name, seconds, results) if of_client else (port, seconds, results)
                workers.append(multiprocessing.Process(target=attack if of_client else provoke, args=arguments))
                workers[-1].start()
            beside = innocent(port, seconds)
            found = [results.get(timeout=30) for _ in workers]
            if of_client:
                sent, decoded, ended = (sum(column) for column in zip(*found))
            else:
                enemy.terminate()
                sent, decoded, ended = executor_results.get(timeout=30)
                enemy.join()
            for worker in workers:
                worker.join()
            if server.poll() is not None:
                raise SystemExit(f"bench-attacks: the server ended with {server.returncode} under {name}")
            return quiet, beside, sent, decoded, ended, memory(server.pid)
        finally:
            for worker in workers:
                worker.kill()
            if not of_client and enemy is not None and enemy.is_alive():
                enemy.kill()
            for process in processes:
                process.kill()
                process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freeinference", required=True, help="the binary")
    parser.add_argument("--seconds", type=float, default=6, help="of each part")
    parser.add_argument("--only", help="these attacks, with commas between them")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else [*bombs.CLIENTS, *bombs.EXECUTORS]
    print("| attack | of | p99 quiet, ms | p99 beside, ms | ratio | requests/s quiet, beside | connections ended | sent, MB "
          "| would decode to, GB | memory, MiB |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    failed = []
    for name in names:
        quiet, beside, sent, decoded, ended, used = measure(options.freeinference, name, options.seconds)
        before, after = percentile(quiet, 0.99), percentile(beside, 0.99)
        ratio = after / before
        if ratio > 2 and name != "resets":
            failed.append(f"{name}: p99 is {ratio:.1f} times its quiet figure")
        if used > MEMORY_LIMIT + PROCESS:
            failed.append(f"{name}: {used >> 20} MiB")
        print(f"| {name} | {'clients' if name in bombs.CLIENTS else 'executors'} | {before:.2f} | {after:.2f} | {ratio:.1f} "
              f"| {len(quiet) / options.seconds:.0f}, {len(beside) / options.seconds:.0f} | {ended} | {sent / 1e6:.1f} "
              f"| {decoded / 1e9:.1f} | {used >> 20} |", flush=True)
    for text in failed:
        print(f"bench-attacks: {text}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
