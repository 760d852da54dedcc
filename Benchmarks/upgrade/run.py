#!/usr/bin/env python3
"""Upgrades of the running server under load (`make bench-upgrade`).

Upgrades the server many times in a row, by the command and by SIGUSR2 in turn, while streams run over HTTP/1.1 and
HTTP/2 with TLS, keep-alive clients ask at random instants, HTTP/2 clients open streams until the final GOAWAY, and new
connections come with the TLS sessions of earlier ones. What counts as a fault is in clients.py. The executor counts
the most requests that it had at once, which `max_running` and a key's concurrency limit must bound. Exits with 1 if
there was a fault, a limit was exceeded, or too many processes ran.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
import clients  # noqa: E402

MAX_RUNNING, KEY_LIMIT = 4, 3
GENERATIONS = 4
# After the last upgrade, the main process has so many seconds to close its idle connections. Then it may have so many
# descriptors more than the first process had before its first request.
REST_SECONDS, SPARE_DESCRIPTORS = 120, 8
# The two simulated engines. One model has a limit `max_running`, which applies to all requests of its engine. So the
# model has the second engine alone.
EXECUTORS = ("executor", "limited")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configuration(folder, ports):
    executor, limited = (f"url: 'http://127.0.0.1:{ports[name]}', health: {{interval: 0s}}" for name in EXECUTORS)
    return f"""\
listeners:
  - address: 127.0.0.1:{ports['tls']}
    tls: {{certificates: [{{chain: {folder}/tls/chain.pem, key: {folder}/tls/key.pem}}]}}
admin: {{address: '127.0.0.1:{ports['admin']}', socket: {folder}/commands.sock}}
drain_timeout: 60s
upgrade_generations: {GENERATIONS}
max_connections: 8000
limits: {{per_address: {{new_connections: off, handshakes: off}}}}
authentication: {{required: false, keys: {folder}/keys.sqlite, secret: {folder}/secret}}
models:
  - id: demo
    executors: [{{{executor}}}]
  - id: limited
    executors: [{{{limited}, max_running: {MAX_RUNNING}}}]
  - id: keyed
    executors: [{{{executor}}}]
"""


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def figures(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {"resident_kB": int(fields["VmRSS"].split()[0]), "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": int(fields["Threads"])}


class Server:
    """The processes of the server, and what they have said."""

    def __init__(self, program, folder):
        self.program, self.folder, self.messages = program, folder, Path(f"{folder}/messages")
        self.path = Path(f"{folder}/freeinference")
        self.path.symlink_to(program)
        with open(self.messages, "w") as messages, open(f"{folder}/log", "a") as log:
            self.first = subprocess.Popen([self.path, "serve", "--config", f"{folder}/configuration.yaml"],
                                          stdout=log, stderr=messages)
        self.main, self.known = self.first.pid, [self.first.pid]
        self.most, self.seen = 1, 0
        self.wait(lambda: "freeinference: ready" in self.text, "ready", 30)

    @property
    def text(self):
        return self.messages.read_text()

    def wait(self, condition, what, seconds):
        end = time.monotonic() + seconds
        while not condition():
            self.count()
            if time.monotonic() > end:
                raise SystemExit(f"not {what} within {seconds} s:\n{self.text[-3000:]}")
            time.sleep(0.01)

    def count(self):
        """Notes how many processes run at this moment."""
        self.first.poll()
        started = [int(pid) for pid in re.findall(r"upgrade: the process (\d+) starts by", self.text)]
        self.known = [self.first.pid] + started
        self.most = max(self.most, sum(is_running(pid) for pid in self.known))

    def takeovers(self):
        return [int(pid) for pid in re.findall(r"the process (\d+), version \S+, has taken over from", self.text)]

    def upgrade(self, by_signal):
        """Upgrades once; returns None, or why it was refused, and the time that it took in seconds."""
        begun, before, said = time.monotonic(), len(self.takeovers()), len(self.text)
        if by_signal:
            os.kill(self.main, signal.SIGUSR2)
            refusals = ("upgrade refused", "upgrade failed")
            self.wait(lambda: len(self.takeovers()) > before or any(word in self.text[said:] for word in refusals),
                      "upgraded", 90)
            refused = None if len(self.takeovers()) > before else self.text[said:]
        else:
            done = subprocess.Popen([self.program, "upgrade", "--socket", f"{self.folder}/commands.sock"],
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.wait(lambda: done.poll() is not None, "upgraded", 90)
            output = done.communicate()[0]
            refused = None if done.returncode == 0 and "has taken over" in output else output
        taken = time.monotonic() - begun
        if refused is None:
            self.main = self.takeovers()[-1]
        return refused, taken


def counters(ports):
    """The counters of both executors together."""
    total = {"running_most_by_model": {}}
    for name in EXECUTORS:
        connection = http.client.HTTPConnection("127.0.0.1", ports[name])
        connection.request("GET", "/simulator/counters")
        found = json.loads(connection.getresponse().read())
        total["running_most_by_model"] |= found["running_most_by_model"]
        for counter in ("running", "running_most", "aborted"):
            total[counter] = total.get(counter, 0) + found[counter]
    return total


def upgrades(server, options):
    """Upgrades as often as asked; returns times, how often room was waited for, failures, and figures on the way."""
    times, waited, failures, on_the_way = [], 0, [], {}
    for number in range(1, options.upgrades + 1):
        begun = time.monotonic()
        while True:
            refused, taken = server.upgrade(by_signal=number % 2 == 0)
            if refused is None:
                times.append(taken * 1000)
                break
            if "older processes drain" not in refused:
                failures.append(refused)
                break
            # The upgrade is refused while too many older processes drain. An operator would wait and try again.
            waited += 1
            server.wait(lambda until=time.monotonic() + 0.5: time.monotonic() > until, "", 5)
        if number in (min(10, options.upgrades), options.upgrades):
            on_the_way[number] = figures(server.main)
        server.wait(lambda: time.monotonic() - begun > options.interval, "", options.interval + 60)
    return times, waited, failures, on_the_way


def summary(reports):
    """Sums of the reports of all client processes, and the first faults."""
    total, faults = {}, []
    for _, counts, some in reports:
        faults += some
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return total, faults


def tell(server, options, outcome, total, faults, executor, rest):
    """Prints what was found; returns whether something is wrong."""
    times, waited, failures, on_the_way = outcome
    limits = {"limited": MAX_RUNNING, "keyed": KEY_LIMIT}
    most = {model: executor["running_most_by_model"].get(model, 0) for model in limits}
    resumptions = total.get("resumed", 0) + total.get("not_resumed", 0)
    if times:
        print(f"upgrades: {len(times)} of {options.upgrades}, median {statistics.median(times):.0f} ms, longest "
              f"{max(times):.0f} ms; {waited} times the oldest process had to go first")
    print(f"streams over: {total.get('streams_http1', 0)} of HTTP/1.1, {total.get('streams_http2', 0)} of HTTP/2; at "
          f"the executor at most {executor['running_most']} requests at once, {executor['aborted']} given up")
    print("requests: " + ", ".join(f"{total.get(name, 0)} {name}" for name in (
        "keep_alive_demo", "keep_alive_limited", "keep_alive_keyed", "over_key_limit", "until_goaway", "new")))
    print(f"to be sent again by the protocol: {total.get('unprocessed', 0)}; GOAWAYs of clients that open streams "
          f"until the last: {total.get('goaways', 0)}; idle ones closed: {total.get('closed_idle', 0)}")
    print(f"TLS sessions resumed: {total.get('resumed', 0)} of {resumptions}")
    print(f"processes at once: at most {server.most} (the main one, its successor, {GENERATIONS} that drain, and one "
          "that has to end)")
    for model, limit in limits.items():
        print(f"most requests of {model} at once at the executor: {most[model]} of {limit}")
    print(f"main process: {on_the_way}; at rest, first and last: {rest[0]}, {rest[1]}")
    print(f"faults: {total.get('faults', 0)}")
    for fault in faults[:10] + failures[:3]:
        print(f"  {fault}")
    wrong = [
        (total.get("faults", 0) > 0, "requests or streams failed"),
        (bool(failures) or len(times) < options.upgrades, "upgrades failed"),
        (server.most > GENERATIONS + 3, "too many processes"),
        (any(most[model] > limit for model, limit in limits.items()), "a limit was exceeded"),
        (executor["aborted"] > 0, "the executor saw requests given up"),
        (resumptions > 0 and total.get("resumed", 0) < 0.99 * resumptions, "TLS sessions were not resumed"),
        (rest[1]["descriptors"] > rest[0]["descriptors"] + SPARE_DESCRIPTORS, "descriptors were left behind"),
        (rest[1]["resident_kB"] > 1.5 * rest[0]["resident_kB"] + 20000, "memory was left behind"),
    ]
    for is_wrong, what in wrong:
        if is_wrong:
            print(f"WRONG: {what}")
    return any(is_wrong for is_wrong, _ in wrong)


def make_files(program, folder, ports):
    with open(f"{folder}/log", "w") as log:
        subprocess.run([program, "certificate", "--directory", f"{folder}/tls", "--names", "localhost", "127.0.0.1"],
                       check=True, stdout=log)
    file = Path(f"{folder}/configuration.yaml")
    file.write_text(configuration(folder, ports))
    made = subprocess.run([program, "keys", "create", "--tenant", "bench", "--concurrency", str(KEY_LIMIT), "--config",
                           str(file)], check=True, capture_output=True, text=True)
    return made.stdout.strip()


def start_clients(settings, options):
    """Starts a process for each kind of client; returns what stops them, their reports, and the processes."""
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    kinds = [("http1", options.streams // 2), ("http2", options.streams - options.streams // 2),
             ("asking", options.clients), ("new", 2)]
    processes = [context.Process(target=clients.run, args=(kind, count, settings | {"seed": seed}, stop, results))
                 for seed, (kind, count) in enumerate(kinds) if count > 0]
    for process in processes:
        process.start()
    return stop, results, processes


def measure(program, folder, options):
    ports = {name: free_port() for name in ("tls", "admin", *EXECUTORS)}
    key = make_files(program, folder, ports)
    started = []
    server = None
    try:
        with open(f"{folder}/log", "a") as log:
            for name in EXECUTORS:
                words = (word for model in ("demo", "limited", "keyed") for word in ("--model", model))
                started.append(subprocess.Popen(
                    [program, "executor", "--listen", f"127.0.0.1:{ports[name]}", *words], stdout=log, stderr=log))
        server = Server(program, folder)
        time.sleep(1)
        before = figures(server.main)
        settings = {"tls": ports["tls"], "authority": f"{folder}/tls/ca.pem", "key": key, "interval": options.interval}
        stop, results, processes = start_clients(settings, options)
        started += processes
        server.wait(lambda: counters(ports)["running"] >= 0.8 * options.streams, "streaming", 120)
        outcome = upgrades(server, options)
        stop.set()
        reports = [results.get(timeout=60 + 3 * options.interval) for _ in processes]
        total, faults = summary(reports)
        # The processes from before the upgrades end once their clients have gone.
        server.wait(lambda: sum(is_running(pid) for pid in server.known) == 1, "alone", 120)
        # Idle connections to executors stay open until their own timeout, so the number of descriptors falls only
        # later.
        end = time.monotonic() + REST_SECONDS
        while figures(server.main)["descriptors"] > before["descriptors"] + SPARE_DESCRIPTORS and time.monotonic() < end:
            time.sleep(1)
        rest = (before, figures(server.main))
        return tell(server, options, outcome, total, faults, counters(ports), rest)
    finally:
        if server is not None:
            server.count()
            for pid in server.known:
                if is_running(pid):
                    os.kill(pid, signal.SIGKILL)
            server.first.wait()
        for process in reversed(started):
            process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freeinference", required=True, help="the binary")
    parser.add_argument("--upgrades", type=int, default=100)
    parser.add_argument("--streams", type=int, default=1000, help="streams at once, half of them over HTTP/1.1")
    parser.add_argument("--clients", type=int, default=60, help="keep-alive clients that ask at random instants")
    parser.add_argument("--interval", type=float, default=4, help="seconds from one upgrade to the next (4)")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the messages")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="upgrade-")
    try:
        is_wrong = measure(os.path.abspath(options.freeinference), folder, options)
    finally:
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if is_wrong else 0)


if __name__ == "__main__":
    main()
