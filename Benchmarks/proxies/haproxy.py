"""HAProxy, from Debian's package."""

from .proxy import STREAM_WINDOW_BYTES, STREAMS_OF_A_CONNECTION, Proxy

CONFIGURATION = """\
global
    nbthread 1
    maxconn 8000
    tune.h2.max-concurrent-streams {streams}
    tune.h2.initial-window-size {window}
    ssl-default-bind-options ssl-min-ver TLSv1.3
{log_global}
defaults
    mode http
{log}    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout http-request 1h
    timeout http-keep-alive 1h

frontend edge
    bind 127.0.0.1:{port} ssl crt {pem} alpn h2,http/1.1
    maxconn 8000
    default_backend executors

backend executors
    http-reuse always
    server executor {address}
"""


class HAProxy(Proxy):
    name = "haproxy"
    version_arguments = ["-v"]

    def command(self, setting):
        pem = self.write(setting, "haproxy.pem", setting.certificate.read_text() + setting.key.read_text())
        text = CONFIGURATION.format(
            port=setting.port,
            pem=pem,
            address=setting.executor_address,
            streams=STREAMS_OF_A_CONNECTION,
            window=STREAM_WINDOW_BYTES,
            log_global="    log stdout format raw local0\n" if setting.gateway else "",
            log="    log global\n    option httplog\n" if setting.gateway else "",
        )
        # With -q HAProxy writes no log to stdout.
        quiet = [] if setting.gateway else ["-q"]
        return [self.program, "-db", *quiet, "-f", self.write(setting, "haproxy.cfg", text)]
