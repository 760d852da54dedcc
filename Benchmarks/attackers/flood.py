"""Keeps many connections to the server open at once, from several addresses, and counts how each ends.

One thread with epoll: an attacker has little more than one processor, and threads would spend it on each other.
"""

import collections
import errno
import select
import socket
import struct
import time

# A socket option that Python 3.11 does not define. With it the kernel chooses the local port when the socket
# connects, so that each source address can use all ports.
IP_BIND_ADDRESS_NO_PORT = 24
# A value of SO_LINGER with which a close sends a reset, so that no closed connection keeps its port in TIME_WAIT.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
OPENED_A_TURN = 64
# The most bytes of one send call. A longer call would keep the processor from the measured client, which shares it.
PIECE = 65536


class Connection:
    """A connection of an attacker. `state` belongs to the attack."""

    __slots__ = ("at", "is_connected", "socket", "state", "unsent")

    def __init__(self, connection):
        self.socket, self.is_connected, self.unsent, self.at, self.state = connection, False, b"", 0, None


class Attack:
    """What one connection of an attack does; an instance serves all of them."""

    # Whether the server runs with the limits of the example configuration `open-internet.yaml`, not with its defaults.
    is_limited = False
    # How many connections are kept open at once, and how many new ones may be opened per second.
    wanted, opened_a_second = 64, 1_000_000
    # Whether a new connection replaces one that has ended.
    renews = True
    # Whether the attacker reads what the server sends, and the size in bytes of the attacker's socket receive buffer;
    # None keeps the system's default.
    reads = True
    receive_buffer = None
    # Seconds between two calls of `again` for a connection; if None, `again` is never called.
    interval = None

    def __init__(self, options):
        self.options, self.counts = options, collections.Counter()

    def begin(self, connection):
        """The bytes to send after the connect; None closes the connection."""
        return b""

    def received(self, connection, data):
        """The bytes to send next; None closes the connection."""
        return b""

    def again(self, connection):
        """The same, called each `interval` for each connection that has sent everything."""
        return b""

    def ended(self, connection):
        """The server has closed the connection, or it was never made."""

    def is_over(self, connections):
        """Whether the attack ends before its time."""
        return False


class Flood:
    def __init__(self, attack, server, port, sources, seconds):
        self.attack, self.server, self.port, self.sources = attack, server, port, sources
        self.end = time.monotonic() + seconds
        self.epoll = select.epoll()
        self.connections, self.opened = {}, 0
        self.begun = self.next_call = time.monotonic()

    def run(self):
        while time.monotonic() < self.end and not self.attack.is_over(self.connections.values()):
            self.open_more()
            for descriptor, events in self.epoll.poll(0.02, 512):
                if (connection := self.connections.get(descriptor)) is not None:
                    self.handle(connection, events)
            self.call_again()
        self.attack.counts["open at the end"] = len(self.connections)
        self.attack.counts["connections"] = self.opened
        return self.attack.counts

    # -- Opening and closing

    def open_more(self):
        total = self.attack.wanted if self.attack.renews else self.attack.wanted - self.opened + len(self.connections)
        allowed = int((time.monotonic() - self.begun) * self.attack.opened_a_second) + 1 - self.opened
        for _ in range(min(OPENED_A_TURN, allowed, total - len(self.connections))):
            if not self.open():
                break

    def open(self):
        """Begins a connection from the next address; False if the system has no room for one."""
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if self.attack.receive_buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.attack.receive_buffer)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        made.bind((self.sources[self.opened % len(self.sources)], 0))
        error = made.connect_ex((self.server, self.port))
        if error not in (0, errno.EINPROGRESS):
            made.close()
            self.attack.counts[f"not opened, {errno.errorcode.get(error, error)}"] += 1
            return False
        self.opened += 1
        self.connections[made.fileno()] = Connection(made)
        self.epoll.register(made.fileno(), select.EPOLLOUT | select.EPOLLRDHUP)
        return True

    def close(self, connection):
        del self.connections[connection.socket.fileno()]
        connection.socket.close()

    def lose(self, connection, why):
        self.attack.counts[why] += 1
        self.attack.ended(connection)
        self.close(connection)

    # -- One connection

    def handle(self, connection, events):
        try:
            if not connection.is_connected:
                if error := connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise OSError(error, errno.errorcode.get(error, "?"))
                connection.is_connected = True
                self.act(connection, self.attack.begin(connection))
                return
            if events & select.EPOLLIN and self.attack.reads:
                data = connection.socket.recv(65536)
                if not data:
                    self.lose(connection, "closed by the server")
                    return
                self.act(connection, self.attack.received(connection, data))
            elif events & (select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP):
                self.lose(connection, "closed by the server")
            elif events & select.EPOLLOUT:
                self.send(connection)
        except BlockingIOError:
            pass
        except OSError as error:
            self.lose(connection, f"lost, {errno.errorcode.get(error.errno, error.errno)}")

    def act(self, connection, data):
        if data is None:
            self.close(connection)
            return
        if data:
            rest = bytes(memoryview(connection.unsent)[connection.at:]) if connection.unsent else b""
            connection.unsent, connection.at = rest + data if rest else data, 0
        self.send(connection)

    def send(self, connection):
        """Sends what the socket takes, and waits for room only if something is left."""
        try:
            while connection.at < len(connection.unsent):
                piece = memoryview(connection.unsent)[connection.at:connection.at + PIECE]
                connection.at += connection.socket.send(piece)
            connection.unsent, connection.at = b"", 0
        except BlockingIOError:
            pass
        reading = select.EPOLLIN if self.attack.reads else 0
        writing = select.EPOLLOUT if connection.unsent else 0
        self.epoll.modify(connection.socket.fileno(), reading | writing | select.EPOLLRDHUP)

    def call_again(self):
        if self.attack.interval is None or time.monotonic() < self.next_call:
            return
        self.next_call = time.monotonic() + self.attack.interval
        for connection in list(self.connections.values()):
            if connection.is_connected and not connection.unsent:
                try:
                    self.act(connection, self.attack.again(connection))
                except OSError as error:
                    self.lose(connection, f"lost, {errno.errorcode.get(error.errno, error.errno)}")
