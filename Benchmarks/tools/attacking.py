"""What the benchmarks of attacks share: short requests, their percentiles, and who runs on which processor."""

import os
import socket
import time
from pathlib import Path

# The memory of the process without clients, in bytes; see docs/limits.md.
PROCESS = 64 << 20


def short(model="demo"):
    """A chat request whose answer is one token, at once."""
    return (b'{"model":"%s","max_tokens":1,"simulator":{"prefill_ms":0,"pace":100000},'
            b'"messages":[{"role":"user","content":"hi"}]}' % model.encode())


def request(body, key=None):
    """A chat request over HTTP/1.1."""
    return head(len(body), key) + body


def head(length, key=None):
    """The head of a chat request over HTTP/1.1 whose body has `length` bytes."""
    authorization = f"authorization: Bearer {key}\r\n" if key else ""
    return (f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{authorization}"
            f"content-length: {length}\r\n\r\n").encode()


def answer_in(received):
    """The status of the response at the start of `received` and the bytes after it; None if it is not complete."""
    top, found, rest = received.partition(b"\r\n\r\n")
    if not found:
        return None
    lines = top.split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0)
    return (int(top[9:12]), rest[length:]) if len(rest) >= length else None


def ask(connection, message):
    """Sends a request; returns its status once the complete response has arrived."""
    connection.sendall(message)
    received = b""
    while (answer := answer_in(received)) is None:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("closed")
        received += part
    return answer[0]


def step_aside():
    """Runs only while the processes of normal priority on the same processor are idle."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def pin(pid, processors):
    """Pins every thread of a process; threads that start later inherit the setting."""
    if os.cpu_count() < 2:
        return
    for thread in os.listdir(f"/proc/{pid or os.getpid()}/task"):
        os.sched_setaffinity(int(thread), processors)


def percentile(times, part):
    """A percentile; not a number if there are no times."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


def memory(pid):
    """The largest resident memory that a process has had, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def until_ready(port, name="bench"):
    """Waits until a loopback port accepts connections."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{name}: nothing listens")
