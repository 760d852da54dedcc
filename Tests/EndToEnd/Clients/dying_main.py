"""Executes a server as the successor in an upgrade, whose main process dies before it has handed over.

dying_main.py STEP -- PROGRAM ARGUMENT ...

STEP is the last message that the main process has sent or received: `ready`, `commit` or `serving`.
"""

import json
import os
import socket
import sys

step, command = sys.argv[1], sys.argv[3:]
ours, theirs = socket.socketpair()
# The handover must contain a socket of the admin listener. The successor does not use it, and closes it.
admin = socket.create_server(("127.0.0.1", 0))
handover = {
    "type": "handover", "protocol": 1, "version": "0", "process": os.getpid(), "number": 1, "listeners": [],
    "admin": {"address": "127.0.0.1:0", "descriptors": [admin.fileno()]}, "predecessors": [], "state": {},
}


def main_process():
    """Says what a main process says, and ends after `step`."""
    theirs.close()
    lines = ours.makefile("r")
    ours.sendall(json.dumps(handover).encode() + b"\n")
    assert json.loads(lines.readline())["type"] == "ready"
    if step == "ready":
        return
    ours.sendall(b'{"type":"commit","state":{}}\n')
    if step == "commit":
        return
    assert json.loads(lines.readline())["type"] == "serving"


if os.fork() == 0:
    main_process()
    os._exit(0)
ours.close()
for inherited in (admin, theirs):
    inherited.set_inheritable(True)
theirs.setblocking(False)
os.environ["FREEINFERENCE_UPGRADE"] = str(theirs.fileno())
os.execvp(command[0], command)
