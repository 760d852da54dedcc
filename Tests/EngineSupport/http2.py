"""An HTTP/2 client over TLS that does one thing that libraries hide: it leaves a stream by RST_STREAM, or silently."""

import json
import select
import socket
import ssl
import time

import h2.connection
import h2.errors
import h2.events

from servers import PATIENCE_SECONDS


class Connection:
    def __init__(self, port, authority):
        context = ssl.create_default_context(cafile=str(authority))
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.http = h2.connection.H2Connection()
        self.http.initiate_connection()
        self.status, self.body, self.ended, self.reset_by_server = {}, {}, set(), {}
        self._send()

    def _send(self):
        self.socket.sendall(self.http.data_to_send())

    def post(self, path, body, request_id):
        """The new stream's id. Bodies larger than the server's window are sent as it opens."""
        data = json.dumps(body).encode()
        stream = self.http.get_next_available_stream_id()
        self.body[stream] = b""
        self.http.send_headers(stream, [
            (":method", "POST"), (":scheme", "https"), (":authority", "127.0.0.1"), (":path", path),
            ("content-type", "application/json"), ("x-request-id", request_id)])
        while data:
            room = min(self.http.local_flow_control_window(stream), self.http.max_outbound_frame_size)
            if room == 0:
                self._send()
                self._receive()
                continue
            self.http.send_data(stream, data[:room])
            data = data[room:]
        self.http.end_stream(stream)
        self._send()
        return stream

    def _receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise AssertionError("the server closed the connection")
        for event in self.http.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.status[event.stream_id] = int(dict(event.headers)[b":status"])
            elif isinstance(event, h2.events.DataReceived):
                self.body[event.stream_id] += event.data
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.ended.add(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                self.reset_by_server[event.stream_id] = event.error_code
        self._send()

    def until(self, happened, what):
        """Reads until `happened()`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain for {what}")
            self._receive()

    def read_ready(self):
        """Reads what is there: a client that is busy elsewhere and still reads."""
        while self.socket.pending() or select.select([self.socket], [], [], 0)[0]:
            self._receive()

    def reset(self, stream):
        self.http.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self._send()

    def close(self):
        """Without a GOAWAY: a client that is gone says nothing."""
        self.socket.close()
