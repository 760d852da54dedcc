#!/usr/bin/env python3
"""Many TLS handshakes at once: all ClientHellos are sent before the first answer is read.

Then each handshake is completed, and after that one request is made on each connection. Prints one JSON object.
"""

import contextlib
import socket
import ssl

import cli

REQUEST = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


class Client:
    """A connection whose first bytes wait until `begin`."""

    def __init__(self, options, context):
        self.socket = socket.create_connection((options.host, options.port), timeout=cli.CONNECT_SECONDS)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()

    def begin(self):
        self.socket.sendall(self.outgoing.read())

    def until_done(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.begin()
                received = self.socket.recv(65536)
                cli.expect(received, "the server closed a connection")
                self.incoming.write(received)

    def finish(self):
        self.until_done(self.tls.do_handshake)
        self.begin()

    def request(self):
        self.tls.write(REQUEST)
        return self.until_done(lambda: self.tls.read(65536)).startswith(b"HTTP/1.1 200 ")


def main():
    parser = cli.parser(__doc__)
    parser.add_argument("--connections", type=int, default=200)
    options = cli.parse(parser)
    context = cli.trust(options.ca, "http/1.1")
    clients = [Client(options, context) for _ in range(options.connections)]
    for client in clients:
        client.begin()
    for client in clients:
        client.finish()
    cli.report(served=sum(client.request() for client in clients))


if __name__ == "__main__":
    main()
