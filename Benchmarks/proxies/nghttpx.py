"""nghttpx, the proxy of nghttp2, from Debian's package."""

from .proxy import CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES, STREAMS_OF_A_CONNECTION, Proxy


class Nghttpx(Proxy):
    name = "nghttpx"

    def command(self, setting):
        address = setting.executor_address.replace(":", ",")
        return [
            self.program,
            "--conf=/dev/null",
            f"--frontend=127.0.0.1,{setting.port}",
            f"--backend={address}",
            "--workers=1",
            "--single-process",
            "--no-ocsp",
            "--rlimit-nofile=20000",
            "--log-level=ERROR",
            "--tls-min-proto-version=TLSv1.3",
            # nghttpx prefers its own order of ciphers. The other proxies follow the client, whose first cipher is
            # this one.
            "--tls13-ciphers=TLS_AES_256_GCM_SHA384",
            f"--frontend-http2-max-concurrent-streams={STREAMS_OF_A_CONNECTION}",
            f"--frontend-http2-window-size={STREAM_WINDOW_BYTES - 1}",
            f"--frontend-http2-connection-window-size={CONNECTION_WINDOW_BYTES - 1}",
            "--frontend-http2-read-timeout=1h",
            "--frontend-keep-alive-timeout=1h",
            "--backend-keep-alive-timeout=1h",
            "--backend-read-timeout=1h",
            setting.key,
            setting.certificate,
        ]
