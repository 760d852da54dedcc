"""An HTTP/2 executor (hyper-h2) that sends GOAWAY in the middle of its streams.

The first connection waits for --requests requests and accepts the first --accept of them. It sends GOAWAY with the
last accepted stream, and finishes the accepted ones. Later connections answer everything. Prints `ready`, and at
SIGTERM one JSON line: requests accepted per connection, refused, finished, connections.
"""

import asyncio
import json
import signal

import cli
import h2.config
import h2.connection
import h2.errors
import h2.events

parser = cli.parser(__doc__, ca=False)
parser.add_argument("--requests", type=int, required=True)
parser.add_argument("--accept", type=int, required=True)
options = cli.parse(parser)

report = {"accepted": [], "refused": 0, "finished": 0, "connections": 0}


class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.number = report["connections"]
        report["connections"] += 1
        report["accepted"].append(0)
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.http.initiate_connection()
        self.bodies = {}
        self.whole = []
        self.flush()

    def flush(self):
        self.transport.write(self.http.data_to_send())

    def data_received(self, data):
        for event in self.http.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self.bodies[event.stream_id] = b""
            elif isinstance(event, h2.events.DataReceived):
                self.bodies[event.stream_id] += event.data
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.whole.append(event.stream_id)
                if self.number > 0:
                    self.accept([event.stream_id])
                elif len(self.whole) == options.requests:
                    self.go_away()
        self.flush()

    def go_away(self):
        accepted = sorted(self.whole)[: options.accept]
        report["refused"] = len(self.whole) - len(accepted)
        # The GOAWAY is built by hand, because hyper-h2 would close the connection with it and send nothing more.
        payload = accepted[-1].to_bytes(4, "big") + bytes(4)
        # Half of the accepted streams send their first event before the GOAWAY, half after it.
        self.accept(accepted[::2])
        self.flush()
        self.transport.write(len(payload).to_bytes(3, "big") + b"\x07\x00" + bytes(4) + payload)
        self.accept(accepted[1::2])

    def accept(self, streams):
        report["accepted"][self.number] += len(streams)
        for stream in streams:
            streamed = json.loads(self.bodies[stream])["stream"]
            kind = "text/event-stream" if streamed else "application/json"
            self.http.send_headers(stream, [(":status", "200"), ("content-type", kind)])
            asyncio.get_running_loop().call_later(0.05, self.finish, stream, streamed, 5)

    def finish(self, stream, streamed, left):
        choice = {"index": 0, "delta": {"content": "x"}, "finish_reason": None}
        if not streamed:
            answer = {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]}
            self.http.send_data(stream, json.dumps(answer).encode(), end_stream=True)
        elif left > 0:
            self.http.send_data(stream, b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
        else:
            choice["finish_reason"] = "stop"
            events = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\ndata: [DONE]\n\n"
            self.http.send_data(stream, events, end_stream=True)
        self.flush()
        if streamed and left > 0:
            asyncio.get_running_loop().call_later(0.02, self.finish, stream, streamed, left - 1)
        else:
            report["finished"] += 1


async def serve():
    loop = asyncio.get_running_loop()
    stop = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, stop.set_result, None)
    server = await loop.create_server(Connection, options.host, options.port)
    print("ready", flush=True)
    await stop
    server.close()
    cli.report(**report)


asyncio.run(serve())
