"""Shared by the scripts of this folder: their arguments, their reports, and the certificates that they trust."""

import argparse
import json
import resource
import ssl
import sys

LOCAL = ("127.0.0.1", "::1", "localhost")
# The default timeout of a connection, in seconds; a test that waits longer sets its own.
CONNECT_SECONDS = 30


def report(**members):
    """Prints one JSON object on a line of its own, which the tests read."""
    print(json.dumps(members), flush=True)


def expect(condition, message):
    """Reports `message` and exits with 1 if the condition is false."""
    if not condition:
        report(unexpected=message)
        sys.exit(1)


def parser(description, ca=True):
    """A parser with --host, --port and, unless `ca` is false, --ca."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, required=True)
    if ca:
        made.add_argument("--ca", help="the authority to trust; without it the connection is in clear")
    else:
        made.set_defaults(ca=None)
    return made


def parse(made):
    """Parses the arguments, and raises the limit of open descriptors for scripts with a thousand connections."""
    options = made.parse_args()
    expect(options.host in LOCAL, "only this machine is ever a target")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return options


def target(port, ca=None, host="127.0.0.1", name="localhost", source=None, pair=None, before=b""):
    """The address of a server, for callers without a command line; `name` is the name in its certificate.

    `source` is the address that the client connects from, `pair` the files of its own certificate and private key,
    and `before` are bytes that go out before everything else, TLS among it: the PROXY header of a proxy.
    """
    return argparse.Namespace(host=host, port=port, ca=ca, name=name, source=source, pair=pair, before=before)


def trust(ca, protocol, pair=None):
    """A TLS context that trusts `ca`, offers one protocol by ALPN, and has the client certificate `pair`."""
    context = ssl.create_default_context(cafile=str(ca))
    context.set_alpn_protocols([protocol])
    if pair:
        context.load_cert_chain(*map(str, pair))
    return context


# -- The official SDKs


def run_sdk(description, base, scenarios, make):
    """Runs the scenario that the arguments name; `scenarios` are functions of a client and the options.

    `make` creates the client from the keyword arguments that the SDKs of OpenAI and Anthropic share. `base` is an
    example for --base-url.
    """
    named = {scenario.__name__: scenario for scenario in scenarios}
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--base-url", required=True, help=f"{base}, or http://")
    made.add_argument("--ca", help="the authority to trust, for https")
    made.add_argument("--http2", action="store_true")
    made.add_argument("--api-key", default="test")
    made.add_argument("--model", default="demo")
    made.add_argument("--prompt", default="Hello")
    made.add_argument("--tokens", type=int, default=8)
    made.add_argument("--cancel-after", type=int, default=3, help="events to see before leaving")
    made.add_argument("--timeout", type=float, default=30)
    made.add_argument("--extra", help="further members of the request's body, as a JSON object")
    made.add_argument("scenario", choices=named)
    options = made.parse_args()
    transport = {
        # http1 is off with HTTP/2. Otherwise ALPN could choose HTTP/1.1, and the test would not notice.
        "http2": options.http2,
        "http1": not options.http2,
        "verify": ssl.create_default_context(cafile=options.ca) if options.ca else True,
        "trust_env": False,
    }
    client = make(
        transport, base_url=options.base_url, api_key=options.api_key, max_retries=0, timeout=options.timeout
    )
    named[options.scenario](client, options)


def ask(options, **more):
    """The arguments of a chat or a message request for the SDKs."""
    request = {
        "model": options.model,
        "messages": [{"role": "user", "content": options.prompt}],
        "max_tokens": options.tokens,
    }
    if options.extra:
        more["extra_body"] = json.loads(options.extra)
    return request | more
