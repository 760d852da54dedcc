#!/usr/bin/env python3
"""Proxies in front of the edge, and strangers beside them (`make test-proxies`).

HAProxy from Debian with the PROXY protocol in version 2 and in version 1, nginx with `X-Forwarded-For`, and a client
that behaves as Cloudflare does stand in front of the edge. Visitors with several addresses send requests through each
of them: streams and short ones, over HTTP/1.1 and HTTP/2, some with forged fields. Every answer must be whole, and the
log line of every request must name the visitor that sent it. Then clients that are no trusted peers connect to the edge
itself, and say what only a proxy may say.

Everything runs in network namespaces of its own, in which the addresses of visitors and proxies exist.
"""

import argparse
import collections
import contextlib
import ipaddress
import os
import signal
import socket
import ssl
import struct
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "EndToEnd" / "Clients"), str(TESTS / "EngineSupport")]
import cloudflare  # noqa: E402
import fronts  # noqa: E402
from cli import trust  # noqa: E402
from isolation import add_addresses, isolate  # noqa: E402
from load import FORGED, FORGERIES, PATIENCE_SECONDS, Asked, Load, over_http1, over_http2, visit  # noqa: E402
from servers import eventually, free_ports  # noqa: E402

HEALTH = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
SHOWN = 5


def same_address(one, other):
    """Whether two texts are the same address, however it is written."""
    try:
        return ipaddress.ip_address((one or "").strip("[]")) == ipaddress.ip_address(other)
    except ValueError:
        return False


def compare(load, log):
    """What is wrong in the log lines of a load's requests: the client, or what each request expects beside it."""
    wrong = []
    for asked in load.asked:
        # A request that failed may have no log line; the caller reports failed requests.
        line = log.get(asked.identifier)
        if line is None:
            continue
        if not same_address(line.get("client"), asked.visitor):
            wrong.append(f"{asked.identifier}: the log says {line.get('client')}, not {asked.visitor}")
        for name, value in asked.expected.items():
            found = line.get(name)
            if not (same_address(found, value) if name == "peer" and value else found == value):
                wrong.append(f"{asked.identifier}: {name} is {found!r} in the log, not {value!r}")
    return wrong


class Report:
    """The table of the loads, the checks of single connections, and how many of both failed."""

    def __init__(self):
        self.passed = self.failed = 0

    def title(self):
        print("| in front | requests | of them streams | clients | failed | log lines that are wrong |")
        print("|---|---|---|---|---|---|", flush=True)

    def row(self, load, wrong, count):
        streams = sum(asked.is_stream for asked in load.asked)
        clients = len({asked.visitor for asked in load.asked})
        print(f"| {load.name} | {len(load.asked)} | {streams} | {clients} | {len(load.faults)} | {len(wrong)} |",
              flush=True)
        faults = load.faults + wrong
        if len(load.asked) != count:
            faults.append(f"{len(load.asked)} requests were sent, not {count}")
        self.judge(load.name, faults)

    def judge(self, name, faults):
        for fault in faults[:SHOWN]:
            print(f"test-proxies: {name}: {fault}", file=sys.stderr, flush=True)
        self.failed += bool(faults)
        self.passed += not faults

    def check(self, name, problem):
        """A single check; `problem` is None if it passed."""
        print(f"{'failed' if problem else 'passed'}: {name}", flush=True)
        self.judge(name, [problem] if problem else [])


def loads(options, edge, ports):
    """The loads through each proxy, as functions by name, so that a name can be chosen."""
    count, visitors, authority = options.requests, fronts.VISITORS, edge.authority

    # HAProxy does not change the client's bytes. So the client itself sent any Cloudflare fields, and the log must not
    # have them.
    unread = {"cf_ray": None, "cf_country": None}
    return {
        "haproxy-v2": lambda name: visit(
            name, count, visitors, ports["v2"], authority, {"peer": fronts.HAPROXY, **unread}),
        "haproxy-v1": lambda name: visit(
            name, count, visitors, ports["v1"], authority, {"peer": fronts.HAPROXY_V1, **unread}),
        "nginx": lambda name: visit(name, count, visitors, ports["nginx"], authority, {"peer": fronts.NGINX}),
        "cloudflare": lambda name: cloudflare.relay(
            name, count, visitors, fronts.CLOUDFLARE, ports["cloudflare"], authority, edge.pair),
    }


def strangers(options, edge, ports):
    """Clients that are no trusted peers, with forged fields: the same as the loads. They are whom the log names."""
    nothing = {"cf_ray": None, "cf_country": None, "peer": None}

    def ask(name, port, send, **more):
        load = Load(name)
        requests = [Asked(f"{name}-{number}", fronts.STRANGER, False, nothing) for number in range(options.strangers)]
        send(load, requests, port, source=fronts.STRANGER,
             fields=lambda asked: [("x-request-id", asked.identifier), *FORGERIES], **more)
        return load

    return {
        "stranger-at-proxy-protocol": lambda name: ask(name, ports["proxy"], over_http1, authority=edge.authority),
        "stranger-at-x-forwarded-for": lambda name: ask(name, ports["forwarded"], over_http1, authority=None),
        # This client has a valid client certificate, but that alone does not make it a trusted peer.
        "stranger-at-cloudflare": lambda name: ask(
            name, ports["cloudflare"], over_http2, authority=edge.authority, pair=edge.pair),
    }


def is_answered(port, source, before=b"", context=None):
    """Whether a connection from `source` that begins with the bytes `before` gets an answer to GET /health."""
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS, source_address=(source, 0)))
            connection.sendall(before)
            if context:
                connection = stack.enter_context(context.wrap_socket(connection, server_hostname="localhost"))
            connection.sendall(HEALTH)
            # With TLS 1.3 the server refuses a client certificate after the client has finished its handshake. So the
            # refusal is seen only here, as an alert.
            return connection.recv(65536).startswith(b"HTTP/1.1 200")
        except TimeoutError:
            raise AssertionError(f"a connection from {source} was neither answered nor closed") from None
        except (OSError, ssl.SSLError):
            return False


def proxy_header(command, client):
    """A PROXY header of version 2 for TCP over IPv4, with the command 1 (PROXY) or 0 (LOCAL)."""
    addresses = socket.inet_aton(client) + socket.inet_aton("127.0.0.1") + struct.pack(">HH", 40000, 443)
    return b"\r\n\r\n\x00\r\nQUIT\n" + bytes([0x20 | command, 0x11]) + len(addresses).to_bytes(2, "big") + addresses


def check_connections(report, edge, ports):
    """Single connections that must be answered, and others that must be closed without an answer."""
    plain = trust(edge.authority, "http/1.1")
    certified = trust(edge.authority, "http/1.1", edge.pair)
    version1 = f"PROXY TCP4 {FORGED} 127.0.0.1 40000 443\r\n".encode()
    version2, local = proxy_header(1, FORGED), proxy_header(0, FORGED)
    proxy, pulled = ports["proxy"], ports["cloudflare"]
    cases = [
        ("a trusted peer with a PROXY header of version 1", True, proxy, fronts.HAPROXY, version1, plain),
        ("a trusted peer with a PROXY header of version 2", True, proxy, fronts.HAPROXY, version2, plain),
        ("a trusted peer with the command LOCAL", True, proxy, fronts.HAPROXY, local, plain),
        ("a trusted peer without a PROXY header", False, proxy, fronts.HAPROXY, b"", plain),
        ("a stranger without a PROXY header", True, proxy, fronts.STRANGER, b"", plain),
        ("a stranger with a PROXY header of version 1", False, proxy, fronts.STRANGER, version1, plain),
        ("a stranger with a PROXY header of version 2", False, proxy, fronts.STRANGER, version2, plain),
        ("a PROXY header at a listener that takes none", False, ports["forwarded"], fronts.NGINX, version1, None),
        ("Cloudflare with its client certificate", True, pulled, fronts.CLOUDFLARE[0], b"", certified),
        ("Cloudflare without a client certificate", False, pulled, fronts.CLOUDFLARE[0], b"", plain),
    ]
    for name, wanted, port, source, before, context in cases:
        try:
            found = is_answered(port, source, before, context)
            problem = None if found == wanted else f"{'answered' if found else 'not answered'}"
        except AssertionError as error:
            problem = str(error)
        report.check(f"{name} is {'answered' if wanted else 'closed without an answer'}", problem)


def check_certificate(report, log):
    """Every log line of the Cloudflare listener names the client certificate."""
    lines = [line for identifier, line in log.items() if identifier.startswith("cloudflare-")]
    if lines:
        subjects = collections.Counter(str((line.get("client_certificate") or {}).get("subject")) for line in lines)
        prints = {str((line.get("client_certificate") or {}).get("fingerprint")) for line in lines}
        good = all("zone.example" in subject for subject in subjects) and len(prints) == 1 and "None" not in prints
        report.check("the log has subject and fingerprint of Cloudflare's certificate",
                     None if good else f"subjects {dict(subjects)}, fingerprints {prints}")


def run(options, folder):
    program = os.path.abspath(options.freeinference)
    names = ["proxy", "forwarded", "cloudflare", "admin", "executor", "v2", "v1", "nginx"]
    ports = dict(zip(names, free_ports(len(names))))
    report, servers = Report(), []
    try:
        servers.append(fronts.start_executor(program, folder, ports["executor"]))
        edge = fronts.Edge(program, folder, ports)
        servers.append(edge)
        servers.append(fronts.start_haproxy(folder, ports, ports["proxy"]))
        servers.append(fronts.start_nginx(folder, ports["nginx"], ports["forwarded"]))
        for front in ("v2", "v1", "nginx"):
            # HAProxy serves as soon as its own health check has passed.
            context = trust(edge.authority, "http/1.1")
            eventually(lambda: is_answered(ports[front], fronts.VISITORS[0], context=context), f"{front} to serve")
        kinds = [(loads(options, edge, ports), options.requests), (strangers(options, edge, ports), options.strangers)]
        chosen = options.only.split(",") if options.only else [name for kind, _ in kinds for name in kind]
        report.title()
        for kind, count in kinds:
            for name, load in kind.items():
                if name in chosen:
                    made = load(name)
                    broken = {fault.partition(":")[0] for fault in made.faults}
                    log = edge.logged(one.identifier for one in made.asked if one.identifier not in broken)
                    report.row(made, compare(made, log), count)
        check_certificate(report, edge.log())
        if not options.only:
            check_connections(report, edge, ports)
        print("\n".join(edge.metrics("freeinference_clients_refused_total")))
        for server in servers:
            if server.process.poll() is not None:
                report.check(f"{server.name} still runs", f"it ended with {server.process.returncode}")
    finally:
        for server in reversed(servers):
            server.stop()
        if report.failed or sys.exc_info()[0]:
            for server in servers:
                errors = server.errors.read_text(errors="replace")
                print(f"--- the end of what the {server.name} said:\n{errors[-3000:]}", file=sys.stderr)
    print(f"{report.passed} passed, {report.failed} failed", flush=True)
    return report.failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freeinference", required=True, help="the binary")
    parser.add_argument("--requests", type=int, default=1000, help="through each proxy")
    parser.add_argument("--strangers", type=int, default=50, help="requests of strangers at each listener")
    parser.add_argument("--only", help="these rows of the table, with commas between them")
    options = parser.parse_args()
    isolate("test-proxies")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    add_addresses([*fronts.VISITORS, *fronts.CLOUDFLARE])
    add_addresses([fronts.HAPROXY, fronts.HAPROXY_V1, fronts.NGINX, fronts.STRANGER])
    with tempfile.TemporaryDirectory(prefix="proxies-") as folder:
        sys.exit(1 if run(options, Path(folder)) else 0)


if __name__ == "__main__":
    main()
