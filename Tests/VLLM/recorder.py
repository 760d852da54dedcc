"""A server in front of the engine that keeps the header fields of each request, so that tests see what reaches an
engine.
"""

import http.client
import http.server
import threading


class Recorder:
    """Passes each request on to the engine, and each response back as it arrives."""

    def __init__(self, port, engine_port):
        # The header fields of each request for a model: pairs in their order, with names in lower case.
        self.requests = []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.hand_on()

            def do_POST(self):
                recorder.requests.append([(name.lower(), value) for name, value in self.headers.items()])
                self.hand_on()

            def hand_on(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                engine = http.client.HTTPConnection("127.0.0.1", engine_port)
                try:
                    engine.request(self.command, self.path, body, dict(self.headers.items()))
                    answer = engine.getresponse()
                    # The response is HTTP/1.0 without a length, so the end of the connection ends the response.
                    self.send_response(answer.status)
                    for name, value in answer.getheaders():
                        if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                            self.send_header(name, value)
                    self.end_headers()
                    while piece := answer.read1(65536):
                        self.wfile.write(piece)
                except OSError:
                    # The engine or the client has closed its connection, so the recorder closes the connection to the
                    # other one.
                    self.close_connection = True
                finally:
                    engine.close()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
