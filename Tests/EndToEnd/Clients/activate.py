"""Executes a program with inherited listening sockets, as systemd does (sd_listen_fds(3)).

activate.py 127.0.0.1:PORT ... -- PROGRAM ARGUMENT ...
"""

import os
import socket
import sys

end = sys.argv.index("--")
addresses, command = sys.argv[1:end], sys.argv[end + 1:]
opened = []
for address in addresses:
    host, _, port = address.rpartition(":")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    listener.listen(128)
    # Moves each socket to a descriptor from 100 on, because systemd's protocol needs the numbers from 3 on free for
    # the final places.
    opened.append(os.dup2(listener.fileno(), 100 + len(opened)))
    listener.close()
for number, descriptor in enumerate(opened):
    os.dup2(descriptor, 3 + number, inheritable=True)
    os.close(descriptor)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(opened))
os.execvp(command[0], command)
