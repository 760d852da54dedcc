#!/usr/bin/env python3
"""Reloads during streams and short requests (`make bench-reload`).

Reloads the configuration many times, each time with changes of every kind, while token streams and short requests
run. Counts the faults: cut streams, failed requests, refused reloads. Reports the duration of a reload, and the
server's memory, descriptors and threads after the tenth and after the last reload.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
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


def configuration(folder, ports, number):
    """The configuration with this number; it differs from the previous one in every kind of setting."""
    odd = number % 2
    extra = f"  - {{address: '127.0.0.1:{ports['extra' if odd else 'other']}'}}\n"
    third = f"      - {{url: 'http://localhost:{ports['second']}', weight: {1 + number % 5}}}\n" if number % 3 == 0 else ""
    return f"""\
listeners:
  - address: 127.0.0.1:{ports['tls']}
    tls:
      certificates:
        - {{chain: {folder}/live/chain.pem, key: {folder}/live/key.pem}}
  - {{address: '127.0.0.1:{ports['clear']}'}}
{extra}admin: {{address: '127.0.0.1:{ports['admin' if odd else 'admin2']}', socket: {folder}/commands.sock}}
memory_limit: {900 + number % 7}MiB
max_connections: {6000 + number}
drain_timeout: {5 + odd}s
keep_alive: {9 + odd}s
gather: {'auto' if odd else 'off'}
timeouts: {{idle: {70 + odd}s, stall: {290 + odd}s}}
limits: {{header_count: {100 + number % 9}, body: {60 + odd}MiB}}
admission: {{max_queue: {1000 + number}}}
authentication: {{required: false, keys: {folder}/keys{odd}.yaml, secret: {folder}/secret{odd}}}
cors: {{origins: ['https://{number}.example']}}
log: {{access: {'true' if odd else 'false'}}}
models:
  - id: demo
    aliases: [alias-{number}]
    pricing: {{prompt: '0.00000{1 + number % 9}', completion: '0.000002'}}
    timeouts: {{first_event: {200 + number % 11}s}}
    executors:
      - {{url: 'http://127.0.0.1:{ports['first']}', weight: {1 + number % 4}, health: {{interval: {1 + odd}s}}}}
{third}  - id: model-{number}
    executors:
      - {{url: 'http://127.0.0.1:{ports['second']}', max_running: {10 + number}}}
"""


def figures(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {
        "resident": int(fields["VmRSS"].split()[0]) * 1024,
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": int(fields["Threads"]),
    }


def short_requests(port, stop, results):
    """Sends short requests one after the other; every tenth one uses a new connection."""
    body = json.dumps({"model": "demo", "max_tokens": 2, "messages": [{"role": "user", "content": "hi"}],
                       "simulator": {"prefill_ms": 1, "pace": 1000}})
    connection = None
    while not stop.is_set():
        try:
            if connection is None or results["done"] % 10 == 0:
                if connection:
                    connection.close()
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200 or b"content" not in text:
                results["failed"].append(f"{answer.status} {text[:200]}")
        except (OSError, http.client.HTTPException) as error:
            results["failed"].append(repr(error))
            connection = None
        results["done"] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freeinference", required=True, help="the binary")
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--streams", type=int, default=1000)
    options = parser.parse_args()
    program = os.path.abspath(options.freeinference)
    folder = tempfile.mkdtemp(prefix="reload-")
    names = ["tls", "clear", "extra", "other", "admin", "admin2", "first", "second"]
    ports = {name: free_port() for name in names}
    log = open(f"{folder}/log", "w")
    for name in ("a", "b"):
        subprocess.run([program, "certificate", "--directory", f"{folder}/{name}", "--names", "localhost", "127.0.0.1"],
                       check=True, stdout=log)
    # The two certificates have the same authority, so that the clients trust either.
    for name in ("ca.pem", "ca-key.pem"):
        shutil.copy(f"{folder}/a/{name}", f"{folder}/b/{name}")
    os.remove(f"{folder}/b/chain.pem")
    subprocess.run([program, "certificate", "--directory", f"{folder}/b", "--names", "localhost", "127.0.0.1"],
                   check=True, stdout=log)
    for odd in (0, 1):
        Path(f"{folder}/keys{odd}.yaml").write_text("keys: []\n")
        Path(f"{folder}/secret{odd}").write_text(str(odd) * 40 + "\n")
    os.symlink(f"{folder}/a", f"{folder}/live")
    file = Path(f"{folder}/configuration.yaml")
    file.write_text(configuration(folder, ports, 0))
    processes = []
    try:
        for name in ("first", "second"):
            processes.append(subprocess.Popen([program, "executor", "--listen", f"127.0.0.1:{ports[name]}"],
                                              stdout=log, stderr=log))
        messages = open(f"{folder}/messages", "w")
        server = subprocess.Popen([program, "serve", "--config", str(file)], stdout=log, stderr=messages)
        processes.append(server)
        while "ready" not in Path(f"{folder}/messages").read_text():
            time.sleep(0.1)
            if server.poll() is not None:
                raise SystemExit(Path(f"{folder}/messages").read_text())
        streams = subprocess.Popen(
            [program, "bench", "streams", "--url", f"https://localhost:{ports['tls']}", "--ca", f"{folder}/a/ca.pem",
             "--connections", "4", "--streams", str(options.streams // 4), "--seconds", "80000", "--warmup", "8",
             "--pace", "5", "--max-tokens", "1000000", "--json"],
            stdout=open(f"{folder}/bench.json", "w"), stderr=open(f"{folder}/bench", "w"))
        processes.append(streams)
        while "bench: measuring" not in Path(f"{folder}/bench").read_text():
            time.sleep(0.2)
            if streams.poll() is not None:
                raise SystemExit(Path(f"{folder}/bench").read_text())
        stop, results = threading.Event(), {"done": 0, "failed": []}
        client = threading.Thread(target=short_requests, args=(ports["clear"], stop, results))
        client.start()
        times, refused, after = [], [], {}
        for number in range(1, options.reloads + 1):
            file.write_text(configuration(folder, ports, number))
            os.symlink(f"{folder}/{'b' if number % 2 else 'a'}", f"{folder}/next")
            os.rename(f"{folder}/next", f"{folder}/live")
            begun = time.monotonic()
            done = subprocess.run([program, "reload", "--socket", f"{folder}/commands.sock"], capture_output=True, text=True)
            times.append((time.monotonic() - begun) * 1000)
            if done.returncode != 0 or f"generation {number + 1} is in force" not in done.stdout:
                refused.append(done.stdout + done.stderr)
            if number in (10, options.reloads):
                time.sleep(2)
                after[number] = figures(server.pid)
        stop.set()
        client.join()
        counters = http.client.HTTPConnection("127.0.0.1", ports["admin" if options.reloads % 2 else "admin2"])
        counters.request("GET", "/metrics")
        page = counters.getresponse().read().decode()
        running = sum(int(line.split()[-1]) for line in page.splitlines()
                      if line.startswith("freeinference_exchanges_in_flight"))
        generation = next(line.split()[1] for line in page.splitlines()
                          if line.startswith("freeinference_configuration_generation "))
        cut = [line for line in page.splitlines() if line.startswith("freeinference_exchanges_total")
               and 'end="complete"' not in line and not line.endswith(" 0")]
        print(f"reloads: {options.reloads}, refused: {len(refused)}, median {statistics.median(times):.0f} ms, "
              f"longest {max(times):.0f} ms")
        print(f"streams running: {running} of {options.streams // 4 * 4}; ends that are not complete: {cut or 'none'}")
        print(f"short requests: {results['done']}, failed: {len(results['failed'])} {results['failed'][:3]}")
        print(f"generation: {generation}")
        print(f"after 10: {after.get(10)}, after {options.reloads}: {after[options.reloads]}")
        failed = refused or results["failed"] or running < options.streams // 4 * 4 or cut
        if refused:
            print(refused[0])
        sys.exit(1 if failed else 0)
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
