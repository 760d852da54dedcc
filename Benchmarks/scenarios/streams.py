"""Token streams: 4 HTTP/2 connections over TLS, 50 tokens per second and stream, the executor on TCP and HTTP/1.1."""

from tools.load import token_streams
from tools.processes import Failed, connections_to

from .scenario import OTHER_CORE, Scenario, against

CONNECTIONS = 4


class Streams(Scenario):
    name = "streams"
    title = "token streams"
    unit = "us a token"
    places = 2
    variants = ["400 burst", "400 spread", "1000 spread"]

    def measure(self, proxy, variant):
        streams, mode = variant.split()
        return self.run(proxy, int(streams) // CONNECTIONS, mode)

    def run(self, proxy, streams, mode, **setting):
        options = self.options
        spread = ["--spread"] if mode == "spread" else []
        with self.stand(proxy, "--pace", 50, *spread, **setting) as stand:
            row = token_streams(
                stand.proxy, stand.executor, options.freeinference, stand.url, self.certificate, stand.folder,
                CONNECTIONS, streams, options.warmup, options.seconds, OTHER_CORE, started=stand.started,
                look=lambda: {"executor_connections": connections_to(stand.executor_port)}, api_key=stand.api_key,
            )
        # Checks the connections to the executor: one per stream with HTTP/1.1, few with HTTP/2, none on TCP with a
        # unix socket.
        least, most = CONNECTIONS * streams, 2 * CONNECTIONS * streams
        if setting:
            least, most = (0, 0) if "unix" in setting else (1, 40)
        if not least <= row["executor_connections"] <= most:
            raise Failed(f"bench: {row['executor_connections']} connections to the executor, not {least} to {most}")
        return {"figure": row["cpu_us"], **row}

    def targets(self, of):
        return [
            (f"{variant}: CPU a token, of HAProxy's", against(of, variant, "haproxy"), 0.75)
            for variant in self.variants
        ]
