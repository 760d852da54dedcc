"""The servers of the test: a simulated executor, the edge, and Debian's HAProxy and nginx in front of it."""

import json
import shutil
import subprocess

from servers import Server, eventually

# Addresses of the ranges for documentation (RFC 5737, RFC 3849); they exist only in the test's network namespace.
VISITORS = [*(f"198.51.100.{last}" for last in range(1, 5)), *(f"2001:db8::{last}" for last in range(1, 4))]
CLOUDFLARE = [f"192.0.2.{last}" for last in range(101, 105)]
HAPROXY, HAPROXY_V1, NGINX = "192.0.2.10", "192.0.2.11", "192.0.2.20"
# A client that connects to the edge itself, and is no trusted peer of any listener.
STRANGER = "203.0.113.9"

EDGE = """\
listeners:
  - address: 127.0.0.1:{proxy}
    client_address: proxy_protocol
    trusted_peers: [{haproxy}, {haproxy_v1}/32]
    tls: {{certificates: [{{chain: {folder}/chain.pem, key: {folder}/key.pem}}]}}
  - address: 127.0.0.1:{forwarded}
    client_address: x-forwarded-for
    trusted_peers: [{nginx_peer}]
  - address: 127.0.0.1:{cloudflare}
    client_address: cf-connecting-ip
    trusted_peers: {folder}/cloudflare.txt
    tls: {{certificates: [{{chain: {folder}/chain.pem, key: {folder}/key.pem}}]}}
    client_ca: {folder}/origin-pull/ca.pem
    client_certificate: required
admin: {{address: '127.0.0.1:{admin}', socket: off}}
authentication: {{required: false}}
models:
  - id: demo
    executors: [{{url: 'http://127.0.0.1:{executor}'}}]
"""

HAPROXY_FRONT = """
listen v{version}
    bind 127.0.0.1:{port}
    bind ::1:{port}
    # Its own health checks come with a header of the command LOCAL in version 2, and UNKNOWN in version 1.
    option httpchk
    http-check send meth GET uri /health ver HTTP/1.1 hdr host localhost
    server edge 127.0.0.1:{edge} {send} source {source} check check-ssl verify none inter 200ms
"""
HAPROXY_CONFIGURATION = """\
global
    nbthread 1
    maxconn 1000
defaults
    mode tcp
    timeout connect 10s
    timeout client 10m
    timeout server 10m
"""

NGINX_CONFIGURATION = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-errors.log error;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    upstream edge {{
        server 127.0.0.1:{edge};
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        listen [::1]:{port} ssl http2;
        ssl_certificate {folder}/chain.pem;
        ssl_certificate_key {folder}/key.pem;
        location / {{
            proxy_pass http://edge;
            proxy_bind {source};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_buffering off;
            proxy_read_timeout 10m;
        }}
    }}
}}
"""


def make_certificates(program, folder):
    """Makes the edge's certificate, and one of an authority of Cloudflare's own for its connections to origins."""
    subprocess.run([program, "certificate", "--directory", folder], check=True, stdout=subprocess.DEVNULL)
    pull = folder / "origin-pull"
    pull.mkdir()
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*new, "-subj", "/CN=origin pull authority",
                    "-keyout", pull / "ca-key.pem", "-out", pull / "ca.pem"], check=True, capture_output=True)
    subprocess.run([*new, "-subj", "/CN=zone.example", "-CA", pull / "ca.pem", "-CAkey", pull / "ca-key.pem",
                    "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=clientAuth",
                    "-keyout", pull / "key.pem", "-out", pull / "chain.pem"], check=True, capture_output=True)
    return pull / "chain.pem", pull / "key.pem"


def start_executor(program, folder, port):
    server = Server("executor", folder, [program, "executor", "--listen", f"127.0.0.1:{port}", "--prefill", "2ms",
                                         "--pace", "1000"], port)
    server.ready("/health")
    return server


class Edge(Server):
    """`freeinference serve` with a listener for each kind of proxy; `ports` are those of its listeners by name."""

    def __init__(self, program, folder, ports):
        self.ports, self.authority = ports, folder / "ca.pem"
        self.pair = make_certificates(program, folder)
        (folder / "cloudflare.txt").write_text("# Cloudflare's ranges, as the test has them\n192.0.2.96/28\n")
        configuration = folder / "edge.yaml"
        configuration.write_text(
            EDGE.format(folder=folder, haproxy=HAPROXY, haproxy_v1=HAPROXY_V1, nginx_peer=NGINX, **ports))
        super().__init__("edge", folder, [program, "serve", "--config", configuration], ports["forwarded"])
        self.ready("/health")

    def log(self):
        """The log lines by the ids that clients gave their requests. A last line that is half written is skipped."""
        lines = [json.loads(line) for line in self.output.read_text().split("\n")[:-1]]
        return {line["request_id"]: line for line in lines}

    def logged(self, identifiers):
        """The log, as soon as all these requests are in it."""
        wanted = set(identifiers)
        return eventually(lambda: (log := self.log()).keys() >= wanted and log, "the log lines of all requests")

    def metrics(self, beginning):
        """The metrics whose name begins so, as lines."""
        server = Server.__new__(Server)
        server.port = self.ports["admin"]
        _, text = server.get("/metrics")
        return [line for line in text.decode().splitlines() if line.startswith(beginning)]


def start_haproxy(folder, ports, edge):
    """HAProxy with two frontends, which send the PROXY protocol in version 2 and in version 1."""
    configuration = folder / "haproxy.cfg"
    configuration.write_text(
        HAPROXY_CONFIGURATION
        + HAPROXY_FRONT.format(version=2, port=ports["v2"], edge=edge, send="send-proxy-v2", source=HAPROXY)
        + HAPROXY_FRONT.format(version=1, port=ports["v1"], edge=edge, send="send-proxy", source=HAPROXY_V1))
    return Server("haproxy", folder, [program_of("haproxy"), "-db", "-f", configuration], ports["v2"])


def start_nginx(folder, port, edge):
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX_CONFIGURATION.format(folder=folder, port=port, edge=edge, source=NGINX))
    return Server("nginx", folder, [program_of("nginx"), "-p", folder, "-e", "stderr", "-c", configuration], port)


def program_of(name):
    program = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        raise SystemExit(f"test-proxies: no {name} here: make test-proxies installs it")
    return program
