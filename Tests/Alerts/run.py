#!/usr/bin/env python3
"""The shipped alerts in a real Prometheus (`make test-alerts`): all executors of a model die and come back.

Starts two executors, the server and Prometheus on free loopback ports, with the shipped rules and scrape
configuration. Only the waits (`for`) are shortened, and the target is this server's admin listener. Arguments: the
folder with the programs `prometheus` and `promtool`, and the server's binary. Exits with 0 only if all checks passed.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "infrastructure" / "monitoring"
# The longest time until health pages, metrics and alerts must show that engines are dead, or alive again, in seconds;
# probes and scrapes have their default intervals.
LIMIT_SECONDS = 30
# The test replaces the `for` duration of each alert rule by this time, in seconds.
SHORT_FOR_SECONDS = 8


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def get(url):
    """Status and body; status 0 if nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def wait(what, limit, ask):
    """Repeats `ask` until its result is true, and reports how long that took."""
    began = time.monotonic()
    while not ask():
        if time.monotonic() - began > limit:
            raise SystemExit(f"test-alerts: {what}: not within {limit} s")
        time.sleep(0.2)
    print(f"ok: {what} ({time.monotonic() - began:.1f} s)", flush=True)


class House:
    def __init__(self, folder, programs, binary):
        self.folder, self.programs, self.binary = folder, programs, binary
        self.processes = {}
        *self.executors, self.clear, self.admin, self.prometheus = free_ports(5)

    def start(self, name, *words):
        with open(self.folder / f"{name}.err", "ab") as errors:
            self.processes[name] = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors, cwd=self.folder)

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def errors(self, name):
        return (self.folder / f"{name}.err").read_text()

    def start_executor(self, place):
        self.start(f"executor-{place}", self.binary, "executor", "--listen", f"127.0.0.1:{self.executors[place]}")

    def start_server(self):
        executors = ", ".join(f"{{url: 'http://127.0.0.1:{port}'}}" for port in self.executors)
        (self.folder / "freeinference.yaml").write_text(
            f"listeners: [{{address: '127.0.0.1:{self.clear}'}}]\n"
            f"admin: {{address: '127.0.0.1:{self.admin}'}}\n"
            f"drain_timeout: 1s\nmodels: [{{id: demo, executors: [{executors}]}}]\n"
        )
        self.start("server", self.binary, "serve", "--config", "freeinference.yaml")

    def start_prometheus(self):
        rules = (MONITORING / "alerts.yaml").read_text()
        short, count = re.subn(r"(?m)^(\s+for: ).*$", rf"\g<1>{SHORT_FOR_SECONDS}s", rules)
        assert count > 0, "no rule waits"
        (self.folder / "alerts.yaml").write_text(short)
        scrape = (MONITORING / "prometheus.yaml").read_text()
        assert "127.0.0.1:9901" in scrape
        (self.folder / "prometheus.yaml").write_text(scrape.replace("127.0.0.1:9901", f"127.0.0.1:{self.admin}"))
        self.start(
            "prometheus",
            str(self.programs / "prometheus"),
            "--config.file=prometheus.yaml",
            f"--web.listen-address=127.0.0.1:{self.prometheus}",
            "--storage.tsdb.path=data",
        )

    def deep(self):
        return get(f"http://127.0.0.1:{self.admin}/health/deep")[0]

    def usable(self):
        page = get(f"http://127.0.0.1:{self.admin}/metrics")[1]
        return [float(value) for value in re.findall(r"(?m)^freeinference_executor_usable\{.*\} (\S+)$", page)]

    def alert(self, name="ModelUnusable"):
        """The alert's state: `pending`, `firing`, or None."""
        status, body = get(f"http://127.0.0.1:{self.prometheus}/api/v1/alerts")
        alerts = json.loads(body)["data"]["alerts"] if status == 200 else []
        return next((alert["state"] for alert in alerts if alert["labels"]["alertname"] == name), None)

    def is_scraped(self):
        url = f"http://127.0.0.1:{self.prometheus}/api/v1/query?query=freeinference_executor_usable"
        status, body = get(url)
        return status == 200 and len(json.loads(body)["data"]["result"]) == 2

    def lines(self, word):
        return [line for line in self.errors("server").splitlines() if f" is {word}" in line]


def check(what, holds):
    if not holds:
        raise SystemExit(f"test-alerts: {what}: not so")
    print(f"ok: {what}", flush=True)


def play(house):
    for place in range(2):
        house.start_executor(place)
    house.start_server()
    wait("the server is ready", 10, lambda: house.deep() == 200)
    house.start_prometheus()
    wait("Prometheus scrapes it", LIMIT_SECONDS, house.is_scraped)
    check("no alert before anything has happened", house.alert() is None)

    began = time.monotonic()
    for place in range(2):
        house.kill(f"executor-{place}")
    wait("both dead: /health/deep is 503", LIMIT_SECONDS, lambda: house.deep() == 503)
    wait("executor_usable is 0", LIMIT_SECONDS, lambda: house.usable() == [0.0, 0.0])
    wait("ModelUnusable is pending", LIMIT_SECONDS, lambda: house.alert() == "pending")
    check(f"all that within {LIMIT_SECONDS} s", time.monotonic() - began < LIMIT_SECONDS)
    wait("ModelUnusable fires", SHORT_FOR_SECONDS + 15, lambda: house.alert() == "firing")
    check("stderr has one line down for each", len(house.lines("down")) == 2)

    began = time.monotonic()
    for place in range(2):
        house.start_executor(place)
    wait("both back: /health/deep is 200", LIMIT_SECONDS, lambda: house.deep() == 200)
    wait("executor_usable is 1", LIMIT_SECONDS, lambda: house.usable() == [1.0, 1.0])
    wait("the alert is over", LIMIT_SECONDS, lambda: house.alert() is None)
    check(f"all that within {LIMIT_SECONDS} s, without a request", time.monotonic() - began < LIMIT_SECONDS)
    check("stderr has one line back for each", len(house.lines("back")) == 2 and len(house.lines("down")) == 2)
    for line in house.lines("down") + house.lines("back"):
        print(f"    {line}")


def main():
    programs, binary = Path(sys.argv[1]).resolve(), str(Path(sys.argv[2]).resolve())
    rules = ["check", "rules", str(MONITORING / "alerts.yaml")]
    for words in (rules, ["test", "rules", str(Path(__file__).with_name("alerts_test.yaml"))]):
        subprocess.run([str(programs / "promtool"), *words], check=True)
    with tempfile.TemporaryDirectory(prefix="test-alerts-") as name:
        house = House(Path(name), programs, binary)
        try:
            play(house)
        except BaseException:
            for which in ("server", "prometheus"):
                if which in house.processes:
                    print(f"--- the end of what the {which} said:\n{house.errors(which)[-3000:]}", file=sys.stderr)
            raise
        finally:
            house.stop()
    print("test-alerts: passed")


if __name__ == "__main__":
    main()
